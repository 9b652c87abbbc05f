"""Predictions that were made: a row and an event for each, and the true price once a crawl has seen it."""
