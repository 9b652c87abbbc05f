"""What the gateway keeps in the cache port: responses, generations, limits; and what drops it."""
