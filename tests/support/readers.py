"""Every function that reads a sketch, with `$1` for the sketch."""

from __future__ import annotations

HLL_READERS = {
    "hll_sketch_estimate": "hll_sketch_estimate($1)",
    "hll_sketch_bounds": "hll_sketch_bounds($1, 2)",
    "hll_sketch_describe": "hll_sketch_describe($1)",
    "hll_union": "hll_union($1, (SELECT hll_sketch_agg(1)))",
    "hll_union, second": "hll_union((SELECT hll_sketch_agg(1)), $1)",
    "hll_union_agg": "hll_union_agg($1)",
    "hll_union_agg, any lg_k": "hll_union_agg($1, true)",
}
HISTOGRAM_READERS = {
    "approx_histogram_quantile": "approx_histogram_quantile($1, 0.5)",
    "approx_histogram_quantile, list": "approx_histogram_quantile($1, [0.5])",
    "approx_histogram_cdf": "approx_histogram_cdf($1, 0.5)",
    "approx_histogram_cdf, list": "approx_histogram_cdf($1, [0.5])",
    "approx_histogram_count_below": "approx_histogram_count_below($1, 0.5)",
    "approx_histogram_count_below, list": "approx_histogram_count_below($1, [0.5])",
    "approx_histogram_quantile_bounds": "approx_histogram_quantile_bounds($1, 0.5)",
    "approx_histogram_bins": "approx_histogram_bins($1)",
    "approx_histogram_equi_width": "approx_histogram_equi_width($1, 3)",
    "approx_histogram_equi_depth": "approx_histogram_equi_depth($1, 3)",
    "approx_histogram_buckets": "approx_histogram_buckets($1, [0, 1])",
    "approx_histogram_stats": "approx_histogram_stats($1)",
    "approx_histogram_union": "approx_histogram_union($1, (SELECT approx_histogram_agg(1)))",
    "approx_histogram_union, second": "approx_histogram_union((SELECT approx_histogram_agg(1)), $1)",
    "approx_histogram_union_agg": "approx_histogram_union_agg($1)",
    "approx_histogram_union_agg, bins": "approx_histogram_union_agg($1, 10)",
}
READERS = {**HLL_READERS, **HISTOGRAM_READERS}
