"""How pages are fetched: which requests may go out, how patiently, and over what."""
