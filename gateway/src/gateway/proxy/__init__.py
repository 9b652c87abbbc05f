"""Handles an authenticated request: cache lookup, cache fill shared by all waiters, or passthrough."""
