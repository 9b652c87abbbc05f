"""Sources as folders: what each declares in its source.toml, and the registry of all of them."""
