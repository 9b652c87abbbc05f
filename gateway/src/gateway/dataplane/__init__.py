"""Requests to the services and their answers back: plain ASGI over httpx, to be replaced by a faster one.

Nothing outside this room but app.py knows of it; what it must do is in core, what it keeps in cache.
"""
