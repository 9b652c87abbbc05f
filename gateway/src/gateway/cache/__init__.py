"""What the gateway keeps: answers on two levels, limits, generations; and what makes it forget them."""
