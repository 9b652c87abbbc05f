"""OPDS catalogues: version 1 (Atom) and version 2 (JSON)."""
