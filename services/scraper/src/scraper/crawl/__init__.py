"""Runs one crawl: Scrapy settings, spider, leases of the frontier and orderly shutdown."""
