"""Reads books of pages that state them in the vocabulary of schema.org: JSON-LD, microdata, OpenGraph."""
