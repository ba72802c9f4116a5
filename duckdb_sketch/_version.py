"""The version, from the installed metadata, which takes it from `extension/Cargo.toml`."""

from importlib.metadata import version

__version__ = version("duckdb-sketch")
