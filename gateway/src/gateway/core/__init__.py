"""Rules of the gateway as pure functions: routes, policy, headers, freshness, rate arithmetic."""
