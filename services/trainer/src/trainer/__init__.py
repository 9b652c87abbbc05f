"""Trains price models on snapshots, and decides which may be used."""
