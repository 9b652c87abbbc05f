"""Tables of books (CSV, JSON Lines, gzipped or not) as a source like any other: rows become events."""
