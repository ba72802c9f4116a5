"""Values of which hardly two are alike: smooth densities, heavy tails, many scales, clusters."""

from __future__ import annotations

import numpy as np

from benchmarks.columns.column import CLUSTERS, SCALES, SMOOTH, TAILS, Column, Draw, columns_of
from benchmarks.distributions import Floats

Rng = np.random.Generator


def _mixture(*parts: tuple[float, Draw]) -> Draw:
    """Each value is of one part, chosen with the weights in front."""

    def draw(rng: Rng, size: int) -> Floats:
        weights = np.array([weight for weight, _ in parts])
        chosen = rng.choice(len(parts), size, p=weights / weights.sum())
        return np.choose(chosen, [part(rng, size) for _, part in parts])

    return draw


def _normal(mean: float, deviation: float) -> Draw:
    return lambda rng, size: rng.normal(mean, deviation, size)


def _log_uniform(decades: float, mixed_signs: bool = False) -> Draw:
    """From 10^-decades to 10^decades."""

    def draw(rng: Rng, size: int) -> Floats:
        values = 10.0 ** rng.uniform(-decades, decades, size)
        return values * rng.choice([-1.0, 1.0], size) if mixed_signs else values

    return draw


def _clusters(count: int, zipf: float, width: float, span: float = 1e6) -> Draw:
    """Normal clusters of one width at random places; the weight of the k-th is k^-zipf."""

    def draw(rng: Rng, size: int) -> Floats:
        weights = np.arange(1.0, count + 1) ** -zipf
        places = rng.uniform(0, span, count)
        return places[rng.choice(count, size, p=weights / weights.sum())] + rng.normal(0, width, size)

    return draw


def _clusters_of_many_widths(rng: Rng, size: int) -> Floats:
    places, widths = rng.uniform(0, 1e6, 12), 10.0 ** rng.uniform(-2, 3, 12)
    chosen = rng.integers(0, 12, size)
    return places[chosen] + widths[chosen] * rng.normal(0, 1, size)


def _clusters_at_powers(rng: Rng, size: int) -> Floats:
    return 10.0 ** rng.integers(0, 9, size) * rng.uniform(0.95, 1.05, size)


CONTINUOUS: tuple[Column, ...] = (
    *columns_of(
        SMOOTH,
        {
            "uniform": lambda rng, size: rng.random(size),
            "normal": _normal(0, 1),
            "exponential": lambda rng, size: rng.exponential(1, size),
            "lognormal (1)": lambda rng, size: rng.lognormal(0, 1, size),
            "logistic": lambda rng, size: rng.logistic(0, 1, size),
            "triangular": lambda rng, size: rng.triangular(0, 1, 5, size),
            "beta (2, 5)": lambda rng, size: rng.beta(2, 5, size),
            "beta (0.5, 0.5)": lambda rng, size: rng.beta(0.5, 0.5, size),
            "gamma (0.5)": lambda rng, size: rng.gamma(0.5, 1, size),
            "Weibull (1.5)": lambda rng, size: rng.weibull(1.5, size),
            "two normals that overlap": _mixture((2, _normal(0, 1)), (1, _normal(4, 1))),
            "a narrow normal on a wide one": _mixture((1, _normal(0, 1)), (1, _normal(0, 0.02))),
            "sine wave": lambda rng, size: np.sin(rng.uniform(0, 2 * np.pi, size)),
        },
    ),
    *columns_of(
        TAILS,
        {
            "lognormal (2)": lambda rng, size: rng.lognormal(0, 2, size),
            "lognormal (3)": lambda rng, size: rng.lognormal(0, 3, size),
            "Pareto (0.5)": lambda rng, size: rng.pareto(0.5, size) + 1,
            "Pareto (1.1)": lambda rng, size: rng.pareto(1.1, size) + 1,
            "Pareto (2)": lambda rng, size: rng.pareto(2, size) + 1,
            "Cauchy": lambda rng, size: rng.standard_cauchy(size),
            "Student's t (2)": lambda rng, size: rng.standard_t(2, size),
            "exp (3 x exponential)": lambda rng, size: np.exp(3 * rng.exponential(1, size)),
            "Weibull (0.3)": lambda rng, size: rng.weibull(0.3, size),
            "normal to the fifth": lambda rng, size: rng.normal(0, 1, size) ** 5,
            "latencies with timeouts": _mixture(
                (97, lambda rng, size: rng.lognormal(3, 0.5, size)), (3, lambda rng, size: rng.uniform(5e3, 3e4, size))
            ),
        },
    ),
    *columns_of(
        SCALES,
        {
            "log-uniform, 1e±3": _log_uniform(3),
            "log-uniform, 1e±9": _log_uniform(9),
            "log-uniform, 1e±9, signs mixed": _log_uniform(9, mixed_signs=True),
            "log-uniform, 1e±30": _log_uniform(30),
            "log-uniform, 1e±60": _log_uniform(60),
            "log-uniform, 1e±60, signs mixed": _log_uniform(60, mixed_signs=True),
            "reciprocals of normals": lambda rng, size: 1 / rng.normal(0, 1, size),
        },
    ),
    *columns_of(
        CLUSTERS,
        {
            "two normals far apart": _mixture((1, _normal(0, 1)), (1, _normal(1000, 5))),
            "two scales far apart": _mixture((1, _normal(0, 1)), (1, _normal(1e9, 1e6))),
            "8 clusters": _clusters(8, 0, 10),
            "12 clusters of many widths": _clusters_of_many_widths,
            "30 clusters": _clusters(30, 0, 1),
            "30 clusters, Zipf weights": _clusters(30, 1, 1),
            "30 narrow clusters, Zipf weights": _clusters(30, 1.5, 1e-3),
            "100 clusters": _clusters(100, 0.5, 1),
            "clusters in noise": _mixture((7, _clusters(10, 1, 20)), (3, lambda rng, size: rng.uniform(0, 1e6, size))),
            "powers of ten, within 5 %": _clusters_at_powers,
        },
    ),
)
