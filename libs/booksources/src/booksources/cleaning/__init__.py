"""Brings printed values to the notation of PrintedListing, one module per kind of value.

Each function takes the printed text and raises Invalid with the reason when it cannot be read without a
guess; `remarks` turns that into a remark of the listing. Words of languages are data in `words`.
"""
