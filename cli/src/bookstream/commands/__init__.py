"""One module a verb; options.py has the options that verbs share."""
