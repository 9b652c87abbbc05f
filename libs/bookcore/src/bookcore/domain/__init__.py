"""Pure values and rules of the book trade: standard library only, no clock, environment or network."""
