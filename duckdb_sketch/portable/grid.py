"""The grid that all values of a histogram lie on, if they do: whole numbers, or decimals of so many places."""

from __future__ import annotations

import numpy as np

from duckdb_sketch.portable.bins import Doubles

MOST_PLACES = 15
NO_GRID = MOST_PLACES + 1
"""More places than any grid has."""

_POWERS = [float(10**places) for places in range(MOST_PLACES + 1)]
_HALVES = float(1 << 51)
"""Below it doubles are finer than halves."""
_WHOLE = float(1 << 53)
"""Below it every whole number is a double."""


def places_of(values: Doubles) -> int:
    """Return the decimal places of finite values, `NO_GRID` if some have more than any grid; 0 of no values.

    A value has so many places if it is the double nearest to a whole number of 10^-places.
    """
    rest, places = values[np.rint(values) != values], 0
    while len(rest):
        places += 1
        if places == NO_GRID:
            break
        steps = np.rint(rest * _POWERS[places])
        rest = rest[~((np.abs(steps) < _WHOLE) & (steps / _POWERS[places] == rest))]
    return places


def half_step(places: int) -> float:
    """Return half the distance of two neighbours; 0 if there is no grid."""
    return 0.5 / _POWERS[places] if places < NO_GRID else 0.0


def steps_up_to(places: int, x: float) -> float | None:
    """Return how many steps from 0 the greatest value up to x is; None if there is no grid, or too many."""
    if places >= NO_GRID or not abs(x * _POWERS[places]) < _HALVES:
        return None
    steps = float(round(x * _POWERS[places]))
    return steps if steps / _POWERS[places] <= x else steps - 1.0


def value_of(places: int, steps: float) -> float:
    """Return the value that is so many steps from 0."""
    return steps / _POWERS[places] + 0.0


def middle_behind(places: int, steps: float) -> float:
    """Return the middle between the value that is so many steps from 0, and the next."""
    return (steps + 0.5) / _POWERS[places]
