"""HTML pages of the shop.

Element names, classes, nesting and URLs follow books.toscrape.com; every word is ours.
"""
