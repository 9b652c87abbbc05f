"""What tests of every distribution share: builders of books and events, and one behaviour suite per port."""
