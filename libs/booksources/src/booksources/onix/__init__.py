"""ONIX for Books messages as rows of text."""
