"""Texts of the shop, generated from the seed."""
