"""Keeps book events: lake, catalogue, change events, search index."""
