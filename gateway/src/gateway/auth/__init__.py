"""Authentication and authorization: access tokens, API keys, signing keys, passwords, cached callers."""
