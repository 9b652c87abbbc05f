"""Metrics of ml-api for Prometheus."""
