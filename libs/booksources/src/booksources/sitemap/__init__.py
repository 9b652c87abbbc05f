"""Reads sitemaps, their indexes, and the sitemaps that a robots.txt names."""
