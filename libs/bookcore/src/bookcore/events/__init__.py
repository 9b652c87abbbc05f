"""The wire: what goes over the topics, and how it is written down as bytes."""
