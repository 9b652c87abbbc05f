"""Who may come in: accounts, passwords, keys, tokens; and the pages about the API itself."""
