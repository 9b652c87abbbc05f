"""Test support of every distribution: builders of books and events, and one behaviour suite per port."""
