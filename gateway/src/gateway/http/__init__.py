"""HTTP rules as pure functions and values: headers, caching, tracing, dates, client addresses."""
