"""Client connections: the HTTP/1.1 protocol with its fast path, the ASGI app, WebSockets, the server."""
