"""One module per group of verbs."""
