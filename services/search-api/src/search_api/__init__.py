"""Book search over HTTP."""
