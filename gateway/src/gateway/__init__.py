"""The one door: authenticates, limits, caches and balances."""
