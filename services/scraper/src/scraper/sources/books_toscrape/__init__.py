"""books.toscrape.com and every shop with its page structure."""
