"""Columns that a histogram is tried on: of smooth distributions, and of what real tables hold.

Each data set belongs to a kind. Half of each kind is marked as held out: parameters of the merge rule and of the
reading were chosen without a look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from benchmarks.distributions import Floats

Random = np.random.Generator
Generate = Callable[[Random, int], Floats]


@dataclass(frozen=True)
class DataSet:
    """A column of numbers, in the order in which they arrive."""

    name: str
    kind: str
    generate: Generate
    held_out: bool = False

    def values(self, size: int) -> Floats:
        """Return `size` values, the same in every run."""
        random = np.random.default_rng(crc32(self.name.encode()))
        return np.asarray(self.generate(random, size), np.float64) + 0.0

    @property
    def largest_error(self) -> float:
        """What the largest error of rank should not exceed at the default number of bins, as a fraction."""
        return {"grid": 0.004, "cents": 0.004, "scales": 0.02, "clusters": 0.02}.get(self.kind, 0.01)


def data_sets() -> Iterator[DataSet]:
    """Every data set: tuned on and held out, one kind after the other."""
    for kind, (tuned, held_out) in _KINDS.items():
        for name, generate in tuned.items():
            yield DataSet(name, kind, generate)
        for name, generate in held_out.items():
            yield DataSet(name, kind, generate, held_out=True)


def _signed(random: Random, values: Floats) -> Floats:
    return np.asarray(values * random.choice([-1.0, 1.0], len(values)))


def _log_uniform(decades: float, *, signed: bool = False, from_one: bool = False) -> Generate:
    def generate(random: Random, size: int) -> Floats:
        exponents = random.uniform(0 if from_one else -decades, decades, size)
        values = 10.0**exponents
        return _signed(random, values) if signed else np.asarray(values)

    return generate


def _clusters(count: int, spread: float, *, zipf: bool, width: float = 1.0) -> Generate:
    def generate(random: Random, size: int) -> Floats:
        centers = np.sort(random.uniform(0, spread, count))
        weights = 1 / np.arange(1, count + 1) if zipf else np.ones(count)
        weights = random.permutation(weights / weights.sum())
        return np.asarray(centers[random.choice(count, size, p=weights)] + random.normal(0, width, size))

    return generate


def _with_atoms(base: Generate, atoms: dict[float, float]) -> Generate:
    """Some values, each with its share, instead of as many of the base."""

    def generate(random: Random, size: int) -> Floats:
        values = base(random, size)
        at = random.random(size)
        start = 0.0
        for atom, share in atoms.items():
            values = np.where((at >= start) & (at < start + share), atom, values)
            start += share
        return np.asarray(values)

    return generate


def _delays(random: Random, size: int) -> Floats:
    """Minutes of delay: most a little early, a long tail of late ones."""
    early = random.normal(-4, 5, size)
    late = random.gamma(0.7, 45, size)
    very_late = random.exponential(180, size) + 100
    kind = random.random(size)
    return np.asarray(
        np.round(np.clip(np.where(kind < 0.68, early, np.where(kind < 0.985, late, very_late)), -43, 1301))
    )


def _latencies(random: Random, size: int) -> Floats:
    """Milliseconds: a body, a slow path, and timeouts at 5,000."""
    body = random.lognormal(3.2, 0.45, size)
    slow = random.lognormal(5.5, 0.7, size)
    kind = random.random(size)
    values = np.where(kind < 0.9, body, slow)
    return np.asarray(np.minimum(np.where(kind > 0.998, 5000.0, values), 5000.0))


def _ages(random: Random, size: int) -> Floats:
    """Whole years from 0 to 100, fewer of the old."""
    weights = np.concatenate([np.full(60, 1.0), np.linspace(1.0, 0.02, 41)])
    return np.asarray(random.choice(101, size, p=weights / weights.sum()), np.float64)


def _prices_99(random: Random, size: int) -> Floats:
    """Prices that end in .99 or .49 or .00, of a long-tailed range."""
    whole = np.floor(random.lognormal(2.8, 0.9, size))
    cents = random.choice([0.99, 0.49, 0.0, 0.95], size, p=[0.6, 0.2, 0.1, 0.1])
    return np.asarray(np.round(whole + cents, 2))


def _cents(base: Generate, places: int = 2) -> Generate:
    return lambda random, size: np.asarray(np.round(base(random, size), places))


def _whole(base: Generate) -> Generate:
    return lambda random, size: np.asarray(np.floor(base(random, size)))


def _ordered(base: Generate, order: Callable[[Floats], Floats]) -> Generate:
    return lambda random, size: order(np.sort(base(random, size)))


def _zigzag(values: Floats) -> Floats:
    """The least, the greatest, the second least, and so on."""
    result = np.empty_like(values)
    half = (len(values) + 1) // 2
    result[0::2], result[1::2] = values[:half], values[half:][::-1]
    return result


def _organ_pipe(values: Floats) -> Floats:
    return np.concatenate([values[0::2], values[1::2][::-1]])


def _drift(parts: int, growth: float, sigma: float = 1.0) -> Generate:
    """Lognormal values whose scale grows by a factor e^growth over the data."""

    def generate(random: Random, size: int) -> Floats:
        at = np.floor(np.arange(size) * parts / size) / parts
        return np.asarray(np.exp(random.normal(0, sigma, size) + growth * at))

    return generate


def _weekly(random: Random, size: int) -> Floats:
    at = np.arange(size) / size * 2 * np.pi * 30
    return np.asarray(random.normal(100 + 40 * np.sin(at), 10 + 5 * np.cos(at), size))


def _zipf(exponent: float, most: int) -> Generate:
    def generate(random: Random, size: int) -> Floats:
        weights = np.arange(1, most + 1) ** -exponent
        cumulated = np.cumsum(weights) / weights.sum()
        return np.asarray(np.searchsorted(cumulated, random.random(size)) + 1.0)

    return generate


def _mixture(*parts: tuple[float, Generate]) -> Generate:
    def generate(random: Random, size: int) -> Floats:
        columns = np.stack([part(random, size) for _, part in parts])
        shares = np.array([share for share, _ in parts])
        return np.asarray(columns[random.choice(len(parts), size, p=shares / shares.sum()), np.arange(size)])

    return generate


def _normal(mean: float, deviation: float) -> Generate:
    return lambda random, size: random.normal(mean, deviation, size)


def _uniform(low: float, high: float) -> Generate:
    return lambda random, size: random.uniform(low, high, size)


def _lognormal(mean: float, sigma: float) -> Generate:
    return lambda random, size: random.lognormal(mean, sigma, size)


def _pareto(alpha: float) -> Generate:
    return lambda random, size: random.pareto(alpha, size) + 1


def _exponential(scale: float) -> Generate:
    return lambda random, size: random.exponential(scale, size)


def _integers(low: int, high: int) -> Generate:
    return lambda random, size: random.integers(low, high, size).astype(np.float64)


def _poisson(mean: float) -> Generate:
    return lambda random, size: random.poisson(mean, size).astype(np.float64)


def _geometric(p: float) -> Generate:
    return lambda random, size: random.geometric(p, size).astype(np.float64)


def _distinct(count: int) -> Generate:
    """So many doubles, far from any grid, in shares that differ."""

    def generate(random: Random, size: int) -> Floats:
        values = random.lognormal(0, 1, count)
        weights = random.gamma(0.8, 1, count)
        return np.asarray(values[random.choice(count, size, p=weights / weights.sum())])

    return generate


_SMOOTH: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "uniform": _uniform(0, 1),
        "normal": _normal(0, 1),
        "exponential": _exponential(1),
        "lognormal (1)": _lognormal(0, 1),
        "lognormal (2)": _lognormal(0, 2),
        "Pareto (1.1)": _pareto(1.1),
        "beta (0.5, 0.5)": lambda random, size: random.beta(0.5, 0.5, size),
        "bimodal": _mixture((0.5, _normal(0, 1)), (0.5, _normal(1000, 5))),
        "gamma (0.3)": lambda random, size: random.gamma(0.3, 1, size),
        "triangular": lambda random, size: random.triangular(0, 0.2, 1, size),
        "far from 0": _normal(1.7e9, 0.01),
    },
    {
        "uniform, both signs": _uniform(-1000, 1000),
        "logistic": lambda random, size: random.logistic(5, 2, size),
        "Weibull (0.7)": lambda random, size: random.weibull(0.7, size),
        "Student's t (3)": lambda random, size: random.standard_t(3, size),
        "beta (2, 5)": lambda random, size: random.beta(2, 5, size),
        "beta (0.2, 2)": lambda random, size: random.beta(0.2, 2, size),
        "two overlapping normals": _mixture((0.3, _normal(0, 1)), (0.7, _normal(3, 2))),
        "Laplace": lambda random, size: random.laplace(0, 1, size),
        "gumbel": lambda random, size: random.gumbel(0, 1, size),
        "sine": lambda random, size: np.sin(random.uniform(0, 6.283185307, size)),
        "steps of density": _mixture((0.6, _uniform(0, 1)), (0.3, _uniform(1, 3)), (0.1, _uniform(3, 10))),
    },
)
_HEAVY: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "Pareto (0.5)": _pareto(0.5),
        "Cauchy": lambda random, size: random.standard_cauchy(size),
        "exp of 3 exponentials": lambda random, size: np.exp(3 * random.exponential(1, size)),
        "lognormal (4)": _lognormal(0, 4),
        "Weibull (0.2)": lambda random, size: random.weibull(0.2, size),
        "incomes": _mixture(
            (0.95, _lognormal(10.3, 0.6)), (0.05, lambda random, size: 1e5 * (random.pareto(1.5, size) + 1))
        ),
    },
    {
        "Pareto (0.7)": _pareto(0.7),
        "Student's t (1.5)": lambda random, size: random.standard_t(1.5, size),
        "lognormal (3), both signs": lambda random, size: _signed(random, random.lognormal(0, 3, size)),
        "exp of 2 exponentials": lambda random, size: np.exp(2 * random.exponential(1, size)),
        "file sizes": _mixture(
            (0.7, _lognormal(8, 1.5)), (0.3, lambda random, size: 1e5 * (random.pareto(1.05, size) + 1))
        ),
        "inverse uniform": lambda random, size: 1 / random.uniform(1e-9, 1, size),
    },
)
_SCALES: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "log-uniform 1e±9": _log_uniform(9),
        "log-uniform 1e±9, both signs": _log_uniform(9, signed=True),
        "log-uniform 1e±60, both signs": _log_uniform(60, signed=True),
        "log-uniform 1 to 1e6": _log_uniform(6, from_one=True),
        "lognormal (30)": _lognormal(0, 30),
        "log-uniform 1e±300": _log_uniform(300),
    },
    {
        "log-uniform 1e±5": _log_uniform(5),
        "log-uniform 1e±20, both signs": _log_uniform(20, signed=True),
        "log-uniform 1e±40, both signs": _log_uniform(40, signed=True),
        "log-uniform 1 to 1e12": _log_uniform(12, from_one=True),
        "lognormal (100)": _lognormal(0, 100),
        "lognormal (15), both signs": lambda random, size: _signed(random, random.lognormal(0, 15, size)),
        "normals of scales 1e-6, 1, 1e6": _mixture((1, _normal(0, 1e-6)), (1, _normal(0, 1)), (1, _normal(0, 1e6))),
    },
)
_CLUSTERS: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "30 clusters, Zipf weights": _clusters(30, 1e6, zipf=True),
        "30 clusters, equal weights": _clusters(30, 1e6, zipf=False),
        "24 clusters of any width": _mixture(*[(1, _normal(1000.0 * i * i, 2.0 ** (i % 7))) for i in range(24)]),
        "40 clusters, close": _clusters(40, 1000, zipf=True),
    },
    {
        "25 clusters, Zipf weights": _clusters(25, 1e9, zipf=True),
        "36 clusters, equal weights": _clusters(36, 1e6, zipf=False, width=5),
        "30 uniform clusters": _mixture(*[(1 + i % 3, _uniform(100.0 * i, 100.0 * i + 1)) for i in range(30)]),
        "20 clusters at powers of 10": _mixture(*[(1, _normal(10.0**i, 10.0**i / 100)) for i in range(-10, 10)]),
    },
)
_FEW_CLUSTERS: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "5 clusters": _clusters(5, 1e4, zipf=True),
        "8 clusters, far apart": _clusters(8, 1e9, zipf=True),
        "a peak and a distant 1 %": _mixture((0.99, _normal(0, 1)), (0.01, _normal(1e6, 10))),
    },
    {
        "3 clusters": _clusters(3, 100, zipf=False),
        "12 clusters, equal weights": _clusters(12, 1e5, zipf=False),
        "a peak between two far ones": _mixture(
            (0.8, _normal(0, 1)), (0.1, _normal(-1e5, 1)), (0.1, _normal(1e5, 100))
        ),
    },
)
_ATOMS: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "half zeros, else lognormal": _with_atoms(_lognormal(0, 1.5), {0.0: 0.5}),
        "5 atoms in a continuum": _with_atoms(
            _exponential(10), {1.1: 0.05, 3.7: 0.08, 9.99: 0.1, 20.5: 0.03, 0.3: 0.02}
        ),
        "mostly one value": _with_atoms(_normal(0, 10), {3.0: 0.9}),
        "120 distinct doubles": _distinct(120),
        "latencies with timeouts": _latencies,
        "atoms of 1 % each": _with_atoms(_normal(0, 3), {i * 0.73 - 4: 0.01 for i in range(20)}),
    },
    {
        "a fifth at each end": _with_atoms(_uniform(0, 1), {0.0: 0.2, 1.0: 0.2}),
        "8 atoms in a continuum": _with_atoms(_lognormal(0, 1), {0.1 * i * i + 0.05: 0.04 for i in range(8)}),
        "mostly zeros, both signs": _with_atoms(lambda random, size: random.standard_t(2, size), {0.0: 0.8}),
        "300 distinct doubles": _distinct(300),
        "70 distinct doubles": _distinct(70),
        "clipped normal": lambda random, size: np.clip(random.normal(0, 1, size), -1.5, 1.5),
    },
)
_GRID: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "delays": _delays,
        "ages": _ages,
        "uniform 0 to 99": _integers(0, 100),
        "Poisson (300)": _poisson(300),
        "geometric (0.02)": _geometric(0.02),
        "geometric (0.2)": _geometric(0.2),
        "latencies, whole ms": _whole(_latencies),
        "Zipf (1.3)": _zipf(1.3, 10**6),
        "Zipf ranks (1.5)": _zipf(1.5, 10**5),
        "uniform 0 to 999": _integers(0, 1000),
        "HTTP statuses and sizes": _with_atoms(_whole(_lognormal(7, 2)), {200.0: 0.3, 404.0: 0.05, 0.0: 0.1}),
        "minutes of a day": _mixture((3, _whole(_normal(540, 60))), (2, _whole(_normal(1080, 90)))),
    },
    {
        "delays, heavier": _mixture((0.6, _delays), (0.4, _whole(_exponential(25)))),
        "uniform 0 to 149": _integers(0, 150),
        "uniform 1 to 60": _integers(1, 61),
        "Poisson (40)": _poisson(40),
        "Poisson (5000)": _poisson(5000),
        "geometric (0.005)": _geometric(0.005),
        "negative binomial": lambda random, size: random.negative_binomial(2, 0.02, size).astype(np.float64),
        "Zipf (1.1)": _zipf(1.1, 10**6),
        "Zipf (2)": _zipf(2.0, 10**4),
        "whole normals, both signs": _whole(_normal(0, 80)),
        "tens": lambda random, size: 10 * np.round(random.gamma(2, 30, size)),
        "numbers of bytes": _whole(_lognormal(9, 2.2)),
    },
)
_CENTS: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "cents": _cents(_lognormal(1, 1)),
        "prices x.99": _prices_99,
        "bids, four places": _cents(_lognormal(0, 0.8), 4),
        "tenths": _cents(_normal(20, 8), 1),
        "percentages": _cents(_uniform(0, 100), 1),
    },
    {
        "cents, exponential": _cents(_exponential(20)),
        "prices of a menu": _mixture((3, _prices_99), (1, _cents(_normal(8, 2)))),
        "temperatures": _cents(_mixture((1, _normal(5, 6)), (1, _normal(22, 5))), 1),
        "quarters": lambda random, size: np.floor(random.gamma(3, 8, size)) / 4,
        "account balances": _cents(lambda random, size: _signed(random, random.lognormal(4, 2, size))),
    },
)
_ORDERS: tuple[dict[str, Generate], dict[str, Generate]] = (
    {
        "sorted": _ordered(_lognormal(0, 1), lambda values: values),
        "reverse-sorted": _ordered(_lognormal(0, 1), lambda values: values[::-1].copy()),
        "zigzag": _ordered(_lognormal(0, 1), _zigzag),
        "organ pipe": _ordered(_normal(0, 1), _organ_pipe),
        "drift by e^2": _drift(720, 2),
        "drift by e^5, in 24 steps": _drift(24, 5),
        "weekly waves": _weekly,
        "sorted uniform": _ordered(_uniform(0, 1), lambda values: values),
    },
    {
        "sorted Pareto (1.1)": _ordered(_pareto(1.1), lambda values: values),
        "reverse-sorted normal": _ordered(_normal(0, 1), lambda values: values[::-1].copy()),
        "zigzag uniform": _ordered(_uniform(0, 1), _zigzag),
        "organ pipe lognormal": _ordered(_lognormal(0, 1.5), _organ_pipe),
        "drift by e^3": _drift(720, 3, 0.5),
        "drift by e^-3": _drift(100, -3),
        "random walk": lambda random, size: np.cumsum(random.normal(0, 1, size)),
        "sorted whole numbers": _ordered(_poisson(200), lambda values: values),
    },
)
_KINDS = {
    "smooth": _SMOOTH,
    "heavy": _HEAVY,
    "scales": _SCALES,
    "clusters": _CLUSTERS,
    "few clusters": _FEW_CLUSTERS,
    "atoms": _ATOMS,
    "grid": _GRID,
    "cents": _CENTS,
    "orders": _ORDERS,
}
