"""Tables of books: files as rows, mappings from columns to printed fields, suggestions and previews."""
