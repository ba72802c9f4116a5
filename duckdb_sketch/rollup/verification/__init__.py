"""Comparing a rollup with its events."""
