"""The schema's history, one tree for both dialects; run by bookcore.catalogue.schema."""
