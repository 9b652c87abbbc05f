"""The words of the shop: everything a visitor reads about a book is put together here, from the seed."""
