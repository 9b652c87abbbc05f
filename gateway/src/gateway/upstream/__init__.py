"""Requests to the services: load balancing, circuit breaker, connection pools, retries, timeouts."""
