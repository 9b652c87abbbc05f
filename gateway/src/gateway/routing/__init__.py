"""Which path belongs to which service, which scopes it needs, and how its responses are cached."""
