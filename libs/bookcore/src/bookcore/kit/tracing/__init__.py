"""Traces: W3C trace context through HTTP and event headers, and spans that are sent to a collector."""
