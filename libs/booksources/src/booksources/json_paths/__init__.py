"""JSON documents by declared expressions."""
