"""Rate limits and quotas: GCRA, plans, usage by day and month, limits by network address."""
