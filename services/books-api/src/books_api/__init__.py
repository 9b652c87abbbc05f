"""Books, categories and statistics over HTTP."""
