"""Requests to the services and their answers back.

Whole GETs of known callers are answered within the HTTP protocol (`protocol`, `lane`, `hot`); everything
else, and every other server, comes by ASGI (`edge`, `proxy`, `asgi_visit`). Both are a `Visit` to the
`engine`: it counts, looks into the cache, and else asks a service, alone (`relay`) or for all who wait
(`flight`). A service is an `upstream` of several addresses, each with a `pool` of `connection`s; a `call` is
one request to it. What must be right is in core, what is kept in cache.
"""
