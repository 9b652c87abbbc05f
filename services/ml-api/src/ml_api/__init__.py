"""Predicts prices over HTTP, and says when it would rather not."""
