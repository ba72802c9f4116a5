"""The SQL functions: Arrow UDFs on columns and lists, and the macros that make aggregates and overloads of them.

Every public name is a macro, because DuckDB's Python client has neither aggregate UDFs nor overloads. The UDFs behind
them are called `__duckdb_sketch_…` and are the same objects for every connection, so that they live as long as the
process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from duckdb_sketch._version import __version__
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.families.histogram import Bin, Bucket, HistogramStats
from duckdb_sketch.families.hll import HllDescription
from duckdb_sketch.families.record import Bounds, duckdb_struct, fields
from duckdb_sketch.families.theta import ThetaDescription
from duckdb_sketch.families.top_k import TopKDescription
from duckdb_sketch.portable import answers, bounds, estimator, hll, theta, theta_bounds
from duckdb_sketch.portable.column import blobs, lists, whole
from duckdb_sketch.portable.druid import histogram_from_druid, histogram_to_druid
from duckdb_sketch.portable.histogram import DEFAULT_BINS, Histogram, checked_bins, histogram_of_values
from duckdb_sketch.portable.histogram import union as histogram_union
from duckdb_sketch.portable.hll_image import HllImage
from duckdb_sketch.portable.hyper_unique import HyperUniqueImage, hyper_unique_of_texts, hyper_unique_union
from duckdb_sketch.portable.intersection import intersection
from duckdb_sketch.portable.lg_k import DEFAULT_LG_K, checked_lg_k
from duckdb_sketch.portable.sql_type import COUPON, ENTRY, hashes_of_column
from duckdb_sketch.portable.theta_image import DEFAULT_LG_NOM, ThetaImage, checked_lg_nom

PREFIX = "__duckdb_sketch_"

_BOUNDS = duckdb_struct(Bounds)
_BUCKETS = f"{duckdb_struct(Bucket)}[]"
_BINS = f"{duckdb_struct(Bin)}[]"
_ONE_OR_MANY = "STRUCT(one DOUBLE, many DOUBLE[])"
_DESCRIPTION = duckdb_struct(HllDescription)
_STATS = duckdb_struct(HistogramStats)
_THETA_DESCRIPTION = duckdb_struct(ThetaDescription)
_ARROW_SCALARS = {
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "UBIGINT": pa.uint64(),
    "UINTEGER": pa.uint32(),
    "VARCHAR": pa.string(),
}


def _arrow_struct(record: type[Any]) -> Any:
    return pa.struct({name: _ARROW_SCALARS[kind.duckdb] for name, kind in fields(record).items()})


_ARROW_TYPES = _ARROW_SCALARS | {
    "BLOB": pa.large_binary(),
    _BOUNDS: _arrow_struct(Bounds),
    _BUCKETS: pa.list_(_arrow_struct(Bucket)),
    _BINS: pa.list_(_arrow_struct(Bin)),
    _ONE_OR_MANY: pa.struct({"one": pa.float64(), "many": pa.list_(pa.float64())}),
    _DESCRIPTION: _arrow_struct(HllDescription),
    _STATS: _arrow_struct(HistogramStats),
    _THETA_DESCRIPTION: _arrow_struct(ThetaDescription),
}


@dataclass(frozen=True)
class Udf:
    """A Python function of Arrow columns that DuckDB calls under `PREFIX` and its name."""

    name: str
    parameters: tuple[str, ...] | None
    """SQL types; None takes anything."""
    returns: str
    columns: Callable[..., Any]


UDFS: list[Udf] = []
"""All of them, as `register` creates them."""


@contextmanager
def _named(function: str) -> Iterator[None]:
    """Put the SQL function's name before what was wrong."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"{function}: {error}") from None


_Rows = Callable[..., Iterable[Any]]


def _udf(function: str, parameters: str, returns: str, name: str | None = None) -> Callable[[_Rows], _Rows]:
    """Register what makes an iterable of results, a row each, of whole columns."""

    def register(rows: _Rows) -> _Rows:
        def columns(*arguments: Any) -> Any:
            with _named(function):
                return pa.array(list(rows(*arguments)), _ARROW_TYPES[returns])

        types = tuple(parameters.split(", "))
        # DuckDB asks how many parameters the function has.
        names = (Parameter(f"column_{i}", Parameter.POSITIONAL_ONLY) for i in range(len(types)))
        setattr(columns, "__signature__", Signature(list(names)))  # noqa: B010
        UDFS.append(Udf(name or function, types, returns, columns))
        return rows

    return register


_Evaluate = Callable[..., Any]


def _scalar(function: str, parameters: str, returns: str, name: str | None = None) -> Callable[[_Evaluate], _Evaluate]:
    """Register what makes a result of the arguments of one row; it is NULL if one of them is."""

    def register(evaluate: _Evaluate) -> _Evaluate:
        def rows(*arguments: Any) -> Iterator[Any]:
            for row in zip(*(whole(argument).to_pylist() for argument in arguments), strict=True):
                yield None if any(value is None for value in row) else evaluate(*row)

        _udf(function, parameters, returns, name)(rows)
        return evaluate

    return register


def _coupons(values: Any, type_names: Any) -> Any:
    with _named("hll_sketch_agg"):
        return hashes_of_column(whole(values), type_names[0].as_py(), COUPON)


UDFS.append(Udf("coupon", None, "UINTEGER", _coupons))


@_udf("hll_sketch_agg", "UINTEGER[], BIGINT", "BLOB")
def _hll_sketch_agg(coupons: Any, lg_ks: Any) -> Iterator[bytes]:
    for group, lg_k in zip(lists(coupons, np.uint32), lg_ks.to_pylist(), strict=True):
        yield hll.sketch_of_coupons(checked_lg_k(lg_k), group)


@_udf("hll_union_agg", "BLOB[], BOOLEAN", "BLOB")
def _hll_union_agg(sketches: Any, allowed: Any) -> Iterator[bytes]:
    for group, allow in zip(blobs(sketches), allowed.to_pylist(), strict=True):
        if allow is None:
            raise InvalidInputError("allow_different_lg_k is NULL, and must be a constant")
        yield hll.union([HllImage.parse(sketch) for sketch in group], allow)


@_scalar("hll_union", "BLOB, BLOB, BOOLEAN", "BLOB")
def _hll_union(a: bytes, b: bytes, allow_different_lg_k: bool) -> bytes:
    return hll.union([HllImage.parse(a), HllImage.parse(b)], allow_different_lg_k)


@_scalar("hll_intersection", "BLOB, BLOB, BOOLEAN", _BOUNDS)
def _hll_intersection(a: bytes, b: bytes, allow_different_lg_k: bool) -> dict[str, float]:
    return intersection(HllImage.parse(a), HllImage.parse(b), allow_different_lg_k)


@_scalar("hll_sketch_estimate", "BLOB", "BIGINT")
def _hll_sketch_estimate(sketch: bytes) -> int:
    return estimator.rounded_estimate(HllImage.parse(sketch))


@_scalar("hll_sketch_bounds", "BLOB, BIGINT", _BOUNDS)
def _hll_sketch_bounds(sketch: bytes, num_std_dev: int) -> dict[str, float]:
    return estimator.bounds(HllImage.parse(sketch), num_std_dev)


@_scalar("hll_sketch_describe", "BLOB", _DESCRIPTION)
def _hll_sketch_describe(sketch: bytes) -> dict[str, Any]:
    image = HllImage.parse(sketch)
    return {
        "lg_k": image.lg_k,
        "mode": image.mode,
        "target_type": image.target_type,
        "compact": image.compact,
        "out_of_order": image.out_of_order,
        "coupons": image.occupied,
        "estimate": estimator.estimate(image),
        "bytes": image.byte_length,
    }


@_udf("approx_histogram_agg", "DOUBLE[], BIGINT", "BLOB")
def _approx_histogram_agg(values: Any, bins: Any) -> Iterator[bytes]:
    for group, max_bins in zip(lists(values, np.float64), bins.to_pylist(), strict=True):
        yield histogram_of_values(group, checked_bins(max_bins)).to_bytes()


@_udf("approx_histogram_union_agg", "BLOB[]", "BLOB")
def _approx_histogram_union_agg(histograms: Any) -> Iterator[bytes]:
    for group in blobs(histograms):
        yield histogram_union([Histogram.parse(histogram) for histogram in group], None).to_bytes()


@_udf("approx_histogram_union_agg", "BLOB[], BIGINT", "BLOB", name="approx_histogram_union_agg_to_bins")
def _approx_histogram_union_agg_to_bins(histograms: Any, bins: Any) -> Iterator[bytes]:
    for group, max_bins in zip(blobs(histograms), bins.to_pylist(), strict=True):
        parsed = [Histogram.parse(histogram) for histogram in group]
        yield histogram_union(parsed, checked_bins(max_bins)).to_bytes()


@_scalar("approx_histogram_union", "BLOB, BLOB", "BLOB")
def _approx_histogram_union(a: bytes, b: bytes) -> bytes:
    return histogram_union([Histogram.parse(a), Histogram.parse(b)], None, is_open=True).to_bytes()


def _at_points(function: str, answer: Callable[[Histogram, list[float | None]], list[float | None]]) -> None:
    """Register a function of a histogram and a list, whose result holds the list's answers and the first of them."""

    def evaluate(histogram: bytes, points: list[float | None]) -> dict[str, Any]:
        many = answer(Histogram.parse(histogram), points)
        return {"one": many[0] if many else None, "many": many}

    _scalar(function, "BLOB, DOUBLE[]", _ONE_OR_MANY)(evaluate)


_at_points("approx_histogram_quantile", answers.quantiles)
_at_points("approx_histogram_cdf", answers.cdfs)
_at_points("approx_histogram_count_below", answers.counts_below)


@_scalar("approx_histogram_quantile_bounds", "BLOB, DOUBLE", _BOUNDS)
def _approx_histogram_quantile_bounds(histogram: bytes, q: float) -> dict[str, float] | None:
    return bounds.quantile_bounds(Histogram.parse(histogram), q)


@_scalar("approx_histogram_bins", "BLOB", _BINS)
def _approx_histogram_bins(histogram: bytes) -> list[dict[str, float]]:
    bins = Histogram.parse(histogram).bins
    pairs = zip(bins.centers.tolist(), bins.counts.tolist(), strict=True)
    return [{"center": center, "count": count} for center, count in pairs]


@_scalar("approx_histogram_equi_width", "BLOB, BIGINT", _BUCKETS)
def _approx_histogram_equi_width(histogram: bytes, n: int) -> list[answers.Bucket]:
    return answers.equi_width(Histogram.parse(histogram), n)


@_scalar("approx_histogram_equi_depth", "BLOB, BIGINT", _BUCKETS)
def _approx_histogram_equi_depth(histogram: bytes, n: int) -> list[answers.Bucket]:
    return answers.equi_depth(Histogram.parse(histogram), n)


@_scalar("approx_histogram_buckets", "BLOB, DOUBLE[]", _BUCKETS)
def _approx_histogram_buckets(histogram: bytes, edges: list[float | None]) -> list[answers.Bucket]:
    return answers.buckets(Histogram.parse(histogram), edges)


@_scalar("approx_histogram_stats", "BLOB", _STATS)
def _approx_histogram_stats(histogram: bytes) -> dict[str, Any]:
    parsed = Histogram.parse(histogram)
    is_empty = parsed.is_empty
    return {
        "count": parsed.count,
        "min": None if is_empty else parsed.min,
        "max": None if is_empty else parsed.max,
        "mean": None if is_empty else parsed.mean,
        "bins": len(parsed.bins),
        "max_bins": parsed.max_bins,
        "non_finite": parsed.non_finite,
        "exact": bool(parsed.bins.exact.all()),
        "rank_error": bounds.rank_error(parsed),
        "bytes": len(histogram),
    }


@_scalar("approx_histogram_from_druid", "BLOB", "BLOB")
def _approx_histogram_from_druid(blob: bytes) -> bytes:
    return histogram_from_druid(blob).to_bytes()


@_scalar("approx_histogram_to_druid", "BLOB", "BLOB")
def _approx_histogram_to_druid(histogram: bytes) -> bytes:
    return histogram_to_druid(Histogram.parse(histogram))


@_scalar("approx_histogram_to_druid", "BLOB, VARCHAR", "BLOB", name="approx_histogram_to_druid_form")
def _approx_histogram_to_druid_form(histogram: bytes, form: str) -> bytes:
    return histogram_to_druid(Histogram.parse(histogram), form)


@_udf("hyper_unique_agg", "VARCHAR[]", "BLOB")
def _hyper_unique_agg(texts: Any) -> Iterator[bytes]:
    for group in whole(texts).to_pylist():
        yield hyper_unique_of_texts(text for text in group or () if text is not None)


@_udf("hyper_unique_union_agg", "BLOB[]", "BLOB")
def _hyper_unique_union_agg(sketches: Any) -> Iterator[bytes]:
    for group in blobs(sketches):
        yield hyper_unique_union(group)


@_scalar("hyper_unique_union", "BLOB, BLOB", "BLOB")
def _hyper_unique_union(a: bytes, b: bytes) -> bytes:
    return hyper_unique_union([a, b])


@_scalar("hyper_unique_estimate", "BLOB", "DOUBLE")
def _hyper_unique_estimate(sketch: bytes) -> float:
    return HyperUniqueImage.parse(sketch).estimate()


def _entries(values: Any, type_names: Any) -> Any:
    with _named("theta_sketch_agg"):
        return hashes_of_column(whole(values), type_names[0].as_py(), ENTRY)


UDFS.append(Udf("entry", None, "UBIGINT", _entries))


@_udf("theta_sketch_agg", "UBIGINT[], BIGINT", "BLOB")
def _theta_sketch_agg(entries: Any, lg_noms: Any) -> Iterator[bytes]:
    for group, lg_nom in zip(lists(entries, np.uint64), lg_noms.to_pylist(), strict=True):
        yield theta.sketch_of_entries(checked_lg_nom(lg_nom), group)


@_udf("theta_union_agg", "BLOB[]", "BLOB")
def _theta_union_agg(sketches: Any) -> Iterator[bytes]:
    for group in blobs(sketches):
        yield theta.union([ThetaImage.parse(sketch) for sketch in group])


@_udf("theta_union_agg", "BLOB[], BIGINT", "BLOB", name="theta_union_agg_to_entries")
def _theta_union_agg_to_entries(sketches: Any, lg_noms: Any) -> Iterator[bytes]:
    for group, lg_nom in zip(blobs(sketches), lg_noms.to_pylist(), strict=True):
        yield theta.union([ThetaImage.parse(sketch) for sketch in group], checked_lg_nom(lg_nom))


@_scalar("theta_union", "BLOB, BLOB", "BLOB")
def _theta_union(a: bytes, b: bytes) -> bytes:
    return theta.union([ThetaImage.parse(a), ThetaImage.parse(b)])


@_scalar("theta_union", "BLOB, BLOB, BIGINT", "BLOB", name="theta_union_to_entries")
def _theta_union_to_entries(a: bytes, b: bytes, lg_nom: int) -> bytes:
    return theta.union([ThetaImage.parse(a), ThetaImage.parse(b)], checked_lg_nom(lg_nom))


@_udf("theta_intersection_agg", "BLOB[]", "BLOB")
def _theta_intersection_agg(sketches: Any) -> Iterator[bytes | None]:
    for group in blobs(sketches):
        yield theta.intersection([ThetaImage.parse(sketch) for sketch in group])


@_scalar("theta_intersection", "BLOB, BLOB", "BLOB")
def _theta_intersection(a: bytes, b: bytes) -> bytes | None:
    return theta.intersection([ThetaImage.parse(a), ThetaImage.parse(b)])


@_scalar("theta_difference", "BLOB, BLOB", "BLOB")
def _theta_difference(a: bytes, b: bytes) -> bytes:
    return theta.difference(ThetaImage.parse(a), ThetaImage.parse(b))


@_scalar("theta_jaccard", "BLOB, BLOB", _BOUNDS)
def _theta_jaccard(a: bytes, b: bytes) -> dict[str, float]:
    return theta.jaccard(ThetaImage.parse(a), ThetaImage.parse(b))


@_scalar("theta_sketch_estimate", "BLOB", "BIGINT")
def _theta_sketch_estimate(sketch: bytes) -> int:
    return min(int(ThetaImage.parse(sketch).estimate + 0.5), (1 << 63) - 1)


@_scalar("theta_sketch_bounds", "BLOB, BIGINT", _BOUNDS)
def _theta_sketch_bounds(sketch: bytes, num_std_dev: int) -> dict[str, float]:
    return theta_bounds.bounds(ThetaImage.parse(sketch), num_std_dev)


@_scalar("theta_sketch_describe", "BLOB", _THETA_DESCRIPTION)
def _theta_sketch_describe(sketch: bytes) -> dict[str, Any]:
    image = ThetaImage.parse(sketch)
    return {
        "lg_nom_entries": image.lg_nom,
        "mode": "EMPTY" if image.is_empty else "ESTIMATION" if image.is_sample else "EXACT",
        "serial_version": image.version,
        "ordered": image.ordered,
        "entries": len(image.entries),
        "theta": image.fraction,
        "estimate": image.estimate,
        "bytes": image.byte_length,
    }


_RANKED = "STRUCT(item VARCHAR, count BIGINT, lower BIGINT, upper BIGINT)[]"


@dataclass(frozen=True)
class NativeOnly:
    """A function of the native extension that is an error here, once it is called."""

    returns: str
    overloads: tuple[str, ...]
    called_of: str
    """SQL over its first parameter, so that the error is that of a row or of a group, and TRY takes it."""


_OF_GROUP, _OF_ROW = "count({})", "({} IS NULL)::BIGINT"
NATIVE_ONLY = {
    "approx_top_k_accumulate": NativeOnly("BLOB", ("x", "x, max_items", "x, max_items, weight"), _OF_GROUP),
    "approx_top_k_combine": NativeOnly("BLOB", ("state", "state, max_items"), _OF_GROUP),
    "approx_top_k_union": NativeOnly("BLOB", ("a, b", "a, b, max_items"), _OF_ROW),
    "approx_top_k_estimate": NativeOnly(_RANKED, ("state", "state, k"), _OF_ROW),
    "approx_top_k_describe": NativeOnly(duckdb_struct(TopKDescription), ("state",), _OF_ROW),
    "approx_top_k_agree": NativeOnly("BOOLEAN", ("a, b",), _OF_ROW),
    "approx_top_k_import": NativeOnly("BLOB", ("sketch, type",), _OF_ROW),
}


def _refuse(function: str, returns: str) -> None:
    def rows(_: Any) -> Iterator[Any]:
        raise InvalidInputError(
            "needs the native extension: the portable backend, which is running, has no sketches of frequent items"
        )

    _udf(function, "BIGINT", returns)(rows)


for _name, _function in NATIVE_ONLY.items():
    _refuse(_name, _function.returns)


_FIELD = "CASE WHEN typeof(x) LIKE '%]' THEN 'many' ELSE 'one' END"
"""The field of a struct for a number or a list x; `typeof` is known while the query is planned."""


_BLOBS = {udf.name for udf in UDFS if udf.returns == "BLOB"}


def _call(name: str, *arguments: str) -> str:
    call = f"{PREFIX}{name}({', '.join(arguments)})"
    # DuckDB before 2.0 frees Arrow's memory while coalesce still hands the blobs in it on; what || makes is DuckDB's.
    return f"({call} || ''::BLOB)" if name in _BLOBS else call


def _as_macro(name: str, parameters: str) -> str:
    return f"({parameters}) AS {_call(name, parameters)}"


def _of_number_or_list(name: str) -> str:
    # Either field has to bind for either type, and only the one that fits is taken.
    points = f"struct_extract({{'one': [x], 'many': x}}, {_FIELD})"
    return f"(h, x) AS struct_extract({_call(name, 'h', points)}, {_FIELD})"


_COUPONS = f"list({_call('coupon', 'x', 'typeof(x)')})"
_ENTRIES = f"list({_call('entry', 'x', 'typeof(x)')})"

_NUMBER = '^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|BIGNUM|DECIMAL.*|"NULL")$'
_INSTEAD = (
    "CASE WHEN typeof(x) = 'BOOLEAN' THEN 'approx_histogram_agg(x::INTEGER), or count_if(x)' "
    "WHEN typeof(x) = 'BLOB' THEN 'approx_histogram_union_agg(x) to unite histograms' "
    "WHEN regexp_matches(typeof(x), '^(DATE|TIME|INTERVAL)') "
    "THEN 'approx_histogram_agg(epoch(x)), which measures seconds' "
    "ELSE 'approx_histogram_agg(x::DOUBLE) if it holds numbers, or else count(*) and GROUP BY x' END"
)
_MEASURED = (
    f"list(CASE WHEN regexp_matches(typeof(x), '{_NUMBER}') THEN TRY_CAST(x AS DOUBLE) "
    f"ELSE error('approx_histogram_agg cannot measure ' || typeof(x) || ': write ' || {_INSTEAD}) END)"
)
"""The numbers of a group, or the error of what is none."""

_TEXT = '^(VARCHAR|JSON|ENUM.*|"NULL")$'
_COUNTED = (
    f"list(CASE WHEN regexp_matches(typeof(x), '{_TEXT}') THEN x::VARCHAR "
    "ELSE error('hyper_unique_agg cannot count ' || typeof(x) || ': write ' || CASE typeof(x) "
    "WHEN 'BLOB' THEN 'hyper_unique_union_agg(x) to unite sketches' "
    "ELSE 'hyper_unique_agg(x::VARCHAR), as Druid counts text' END) END)"
)
"""The texts of a group, or the error of what is none."""

MACROS: dict[str, list[str]] = {
    "hll_sketch_agg": [
        f"(x) AS {_call('hll_sketch_agg', _COUPONS, str(DEFAULT_LG_K))}",
        f"(x, lg_k) AS {_call('hll_sketch_agg', _COUPONS, 'lg_k')}",
    ],
    "hll_union_agg": [
        f"(sketch) AS {_call('hll_union_agg', 'list(sketch)', 'false')}",
        f"(sketch, allow_different_lg_k) AS {_call('hll_union_agg', 'list(sketch)', 'allow_different_lg_k')}",
    ],
    "hll_union": [
        f"(a, b) AS {_call('hll_union', 'a', 'b', 'false')}",
        _as_macro("hll_union", "a, b, allow_different_lg_k"),
    ],
    "hll_intersection": [
        f"(a, b) AS {_call('hll_intersection', 'a', 'b', 'false')}",
        _as_macro("hll_intersection", "a, b, allow_different_lg_k"),
    ],
    "hll_sketch_estimate": [_as_macro("hll_sketch_estimate", "sketch")],
    "hll_sketch_bounds": [_as_macro("hll_sketch_bounds", "sketch, num_std_dev")],
    "hll_sketch_describe": [_as_macro("hll_sketch_describe", "sketch")],
    "approx_histogram_agg": [
        f"(x) AS {_call('approx_histogram_agg', _MEASURED, str(DEFAULT_BINS))}",
        f"(x, bins) AS {_call('approx_histogram_agg', _MEASURED, 'bins')}",
    ],
    "approx_histogram_union_agg": [
        f"(h) AS {_call('approx_histogram_union_agg', 'list(h)')}",
        f"(h, bins) AS {_call('approx_histogram_union_agg_to_bins', 'list(h)', 'bins')}",
    ],
    "approx_histogram_union": [_as_macro("approx_histogram_union", "a, b")],
    "approx_histogram_quantile": [_of_number_or_list("approx_histogram_quantile")],
    "approx_histogram_cdf": [_of_number_or_list("approx_histogram_cdf")],
    "approx_histogram_count_below": [_of_number_or_list("approx_histogram_count_below")],
    "approx_histogram_quantile_bounds": [_as_macro("approx_histogram_quantile_bounds", "h, q")],
    "approx_histogram_bins": [_as_macro("approx_histogram_bins", "h")],
    "approx_histogram_equi_width": [_as_macro("approx_histogram_equi_width", "h, n")],
    "approx_histogram_equi_depth": [_as_macro("approx_histogram_equi_depth", "h, n")],
    "approx_histogram_buckets": [_as_macro("approx_histogram_buckets", "h, edges")],
    "approx_histogram_stats": [_as_macro("approx_histogram_stats", "h")],
    "approx_histogram_from_druid": [_as_macro("approx_histogram_from_druid", "blob")],
    "approx_histogram_to_druid": [
        _as_macro("approx_histogram_to_druid", "h"),
        f"(h, form) AS {_call('approx_histogram_to_druid_form', 'h', 'form')}",
    ],
    "hyper_unique_agg": [f"(x) AS {_call('hyper_unique_agg', _COUNTED)}"],
    "hyper_unique_union_agg": [f"(sketch) AS {_call('hyper_unique_union_agg', 'list(sketch)')}"],
    "hyper_unique_union": [_as_macro("hyper_unique_union", "a, b")],
    "hyper_unique_estimate": [_as_macro("hyper_unique_estimate", "sketch")],
    "theta_sketch_agg": [
        f"(x) AS {_call('theta_sketch_agg', _ENTRIES, str(DEFAULT_LG_NOM))}",
        f"(x, lg_nom_entries) AS {_call('theta_sketch_agg', _ENTRIES, 'lg_nom_entries')}",
    ],
    "theta_union_agg": [
        f"(sketch) AS {_call('theta_union_agg', 'list(sketch)')}",
        f"(sketch, lg_nom_entries) AS {_call('theta_union_agg_to_entries', 'list(sketch)', 'lg_nom_entries')}",
    ],
    "theta_union": [
        _as_macro("theta_union", "a, b"),
        f"(a, b, lg_nom_entries) AS {_call('theta_union_to_entries', 'a', 'b', 'lg_nom_entries')}",
    ],
    "theta_intersection_agg": [f"(sketch) AS {_call('theta_intersection_agg', 'list(sketch)')}"],
    "theta_intersection": [_as_macro("theta_intersection", "a, b")],
    "theta_difference": [_as_macro("theta_difference", "a, b")],
    "theta_jaccard": [_as_macro("theta_jaccard", "a, b")],
    "theta_sketch_estimate": [_as_macro("theta_sketch_estimate", "sketch")],
    "theta_sketch_bounds": [_as_macro("theta_sketch_bounds", "sketch, num_std_dev")],
    "theta_sketch_describe": [_as_macro("theta_sketch_describe", "sketch")],
    "duckdb_sketch_version": [f"() AS '{__version__}'"],
}
"""Of each SQL function its overloads: parameters and body."""

REFUSALS = {
    name: [
        f"({parameters}) AS {PREFIX}{name}({function.called_of.format(parameters.partition(',')[0])})"
        for parameters in function.overloads
    ]
    for name, function in NATIVE_ONLY.items()
}
"""The same of the functions that are errors here."""
