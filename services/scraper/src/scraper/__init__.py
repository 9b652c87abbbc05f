"""Crawls book sources and publishes what it saw."""
