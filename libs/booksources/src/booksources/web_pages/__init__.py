"""Web pages: charset, elements, links, and whether a page is whole; pure functions of bytes and address."""
