"""Predicts prices over HTTP; returns a labelled baseline where no model may be used."""
