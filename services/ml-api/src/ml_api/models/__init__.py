"""The models in use: loaded from the registry and kept fresh; explanations of their predictions."""
