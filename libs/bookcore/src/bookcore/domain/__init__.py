"""Pure values and rules of the book trade: standard library only, no clock, no environment, no network."""
