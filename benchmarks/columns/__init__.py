"""Columns that a distribution is tried on: most of them resemble real ones."""
