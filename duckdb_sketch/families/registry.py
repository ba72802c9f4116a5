"""The families that are known. A family that the package brings has one line here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families.family import Answer, Family
from duckdb_sketch.families.histogram import HISTOGRAM
from duckdb_sketch.families.hll import HLL
from duckdb_sketch.families.hyper_unique import HYPER_UNIQUE
from duckdb_sketch.families.reading import Reading
from duckdb_sketch.families.theta import THETA
from duckdb_sketch.families.top_k import TOP_K

#: In the order in which they are tried: of two that answer an aggregate, messages suggest the first. A hyperUnique of
#: Druid starts with what other small sketches start with as well, which say more.
_BUILT_IN = (
    HLL,
    HISTOGRAM,
    THETA,
    TOP_K,
    HYPER_UNIQUE,
)

_families: dict[str, Family] = {family.name: family for family in _BUILT_IN}


def register(family: Family) -> Family:
    """Make a family known: its aggregates become metrics, and `inspect`, `show`, `plot` and `verify` read its states.

    Register it before connections are opened: its `setup` runs where the package's own functions are loaded. Each
    process that opens the rollup registers it, as the database holds only states and the statement.

    Args:
        family: The family.

    Returns:
        The same family.

    Raises:
        InvalidInputError: If there is a family of this name, or with an aggregate of a name that this one has.
    """
    if family.name in _families:
        raise InvalidInputError(f"there is a family {family.name} already: unregister it first, or take another name")
    for aggregate in family.aggregates:
        other = family_of(aggregate.name)
        if other is not None:
            raise InvalidInputError(
                f"{family.name}: {aggregate.name} is an aggregate of the family {other.name} already: rename one"
            )
    _families[family.name] = family
    family_of.cache_clear()
    return family


def unregister(name: str) -> None:
    """Forget a family that was registered.

    Raises:
        InvalidInputError: If there is none of this name, or the package brings it.
    """
    if any(family.name == name for family in _BUILT_IN):
        raise InvalidInputError(f"{name} is a family of duckdb_sketch itself, and stays")
    if _families.pop(name, None) is None:
        raise InvalidInputError(f"there is no family {name}; there are {', '.join(_families)}")
    family_of.cache_clear()


def families() -> tuple[Family, ...]:
    """All families that are known, in the order in which they were registered."""
    return tuple(_families.values())


def family(name: str) -> Family:
    """The family of this name.

    Raises:
        InvalidInputError: If there is none.
    """
    try:
        return _families[name]
    except KeyError:
        raise InvalidInputError(f"there is no family {name}; there are {', '.join(_families)}") from None


@lru_cache(maxsize=1_000)
def family_of(aggregate: str) -> Family | None:
    """The family that has an aggregate of this name; None if none has."""
    return next((family for family in families() if family.aggregate(aggregate) is not None), None)


def reading_as(reading: type[Reading]) -> tuple[Family, ...]:
    """The families whose states are read as this."""
    return tuple(family for family in families() if isinstance(family.reading, reading))


def family_of_state(state: bytes, reading: type[Reading]) -> Family:
    """The family that a state's first bytes name, of those that are read as this; the first if none is named."""
    possible = reading_as(reading)
    return next((family for family in possible if family.magic and state.startswith(family.magic)), possible[0])


def aggregates() -> Iterator[str]:
    """The names of all aggregates whose results are states."""
    for family in families():
        yield from (aggregate.name for aggregate in family.aggregates)


def answering(aggregate: str) -> Iterator[tuple[Family, Answer]]:
    """The families that answer an aggregate, such as `median` or `count(DISTINCT)`, and how each does."""
    for family in families():
        if aggregate in family.answers:
            yield family, family.answers[aggregate]
