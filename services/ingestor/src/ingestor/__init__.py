"""Consumes book events into the lake, the catalogue, the change topics and the search index."""
