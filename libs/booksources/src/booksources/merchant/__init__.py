"""RSS, Atom and Google Merchant feeds of products."""
