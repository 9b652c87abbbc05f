"""Reads tables of books (CSV, TSV, JSON Lines, ONIX) and maps their rows to printed books."""
