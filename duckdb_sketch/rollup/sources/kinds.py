"""Types whose values are hashed alike, so that values of one are those of the other (STORAGE.md)."""

from __future__ import annotations

from functools import lru_cache

from duckdb_sketch.rollup.sources.structure import DisagreementError, is_integer, merged, sql_type, structure_of

__all__ = ["is_integer", "same_kind", "united"]


@lru_cache(maxsize=10_000)  # thousands of files have the same few types
def united(known: str | None, given: str) -> str | None:
    """The type that holds the values of two types; None if there is none, or their values are not hashed alike.

    Integers of every width are, and so are times of every unit, and DECIMALs of one scale. Nested types are if their
    fields are; one may have fields that the other lacks. In which order types are united does not matter.

    Args:
        known: A type; None if there is none yet.
        given: Another one.
    """
    try:
        if known is None:
            return sql_type(structure_of(given))
        return sql_type(merged(structure_of(known), structure_of(given)))
    except (DisagreementError, ValueError, IndexError):
        return None


def same_kind(known: str, given: str) -> bool:
    """Whether values of two types are the same values, and a type holds both."""
    return united(known, given) is not None
