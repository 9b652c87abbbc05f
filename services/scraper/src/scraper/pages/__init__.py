"""Parses fetched pages and publishes what they say."""
