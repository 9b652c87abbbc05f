"""Everything two Bookstream services must agree on."""
