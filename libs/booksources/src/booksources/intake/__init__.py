"""Takes listings one by one before they are published: books, equal ones, and those to park, counted."""
