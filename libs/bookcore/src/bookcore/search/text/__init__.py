"""Text analysis, pure and the same for every engine.

Engines index the space-separated words made here with a whitespace analyzer only, so that two engines with
the same books find the same ones. A change of what is made here needs a new ANALYSIS_VERSION: an index of
another version is refused, because its words would not be those of the queries.
"""

from bookcore.search.text.folding import fold
from bookcore.search.text.grams import join_words, make_grams
from bookcore.search.text.identifiers import find_product_codes, make_identifier_key, make_product_key
from bookcore.search.text.readings import MAX_CHARACTERS, MAX_WORDS, read_text, tokenize_query
from bookcore.search.text.vocabulary import is_light, weigh_word
from bookcore.search.text.words import tokenize, tokenize_for_index

ANALYSIS_VERSION = 3

__all__ = [
    "ANALYSIS_VERSION",
    "MAX_CHARACTERS",
    "MAX_WORDS",
    "find_product_codes",
    "fold",
    "is_light",
    "join_words",
    "make_grams",
    "make_identifier_key",
    "make_product_key",
    "read_text",
    "tokenize",
    "tokenize_for_index",
    "tokenize_query",
    "weigh_word",
]
