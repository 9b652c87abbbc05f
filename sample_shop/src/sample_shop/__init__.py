"""A bookshop website of our own for offline demos and tests."""
