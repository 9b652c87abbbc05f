"""The response cache: local and shared level, rate counting in the same round trip, purges by tag."""
