"""MARC 21 records and MARCXML."""
