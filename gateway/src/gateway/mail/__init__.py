"""Mail to account owners: sent in the background, through the SMTP server of the settings."""
