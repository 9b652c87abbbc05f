"""Recorded predictions: a row and an event for each, and the observed price once a crawl has seen it."""
