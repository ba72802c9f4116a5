"""Exports of a rollup to Parquet, and imports."""
