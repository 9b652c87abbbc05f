"""Shared by training and serving of price models: features, feature store, snapshots, registry."""
