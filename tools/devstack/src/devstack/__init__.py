"""Installs and runs the real servers on this machine without containers, for development and tests.

home.py: folders and the account that servers run as. server.py: what a server is. One module a server: how
it is installed, configured, started and probed. stack.py: `up`, `down` and `status`.
"""
