"""The sketches in NumPy and mmh3, for a DuckDB that cannot load the native extension, and to check the extension by.

`register(con)` gives a connection the functions of the native extension, under the same names, over the same bytes: an
HLL sketch of the same values has the same bytes, and every image that one backend writes the other reads.

What differs:

- An aggregate is a macro over a list of the group's values, so it takes memory in proportion to the values
  (`hll_sketch_agg` four bytes each, `approx_histogram_agg` eight), and time: many times as long, most of all
  `hll_sketch_agg` of strings, which are hashed one by one.
- DuckDB refuses FILTER, DISTINCT and ORDER BY in a call of a macro: write
  `hll_sketch_agg(CASE WHEN condition THEN x END)` for `hll_sketch_agg(x) FILTER (condition)`. DISTINCT and ORDER BY
  change nothing about an HLL sketch. PIVOT refuses macros, too.
- Window frames (`OVER`) work from DuckDB 2.0 on, recomputed for each row; before, DuckDB refuses them.
- The functions belong to one connection and not to its cursors: register them there, too.
- The histogram aggregates pool everything before they merge bins, and the extension merges as it goes, so that the
  bytes of a histogram of many distinct values differ.
- An error comes as DuckDB's "Python exception occurred while executing the UDF", with the extension's message behind.
- A histogram of other types than numbers is an error if there are rows; the extension refuses it without rows, too.
- `hll_sketch_agg(x, 10)` over no row at all is empty at `lg_k` 10.
"""

from duckdb_sketch.portable.register import register

__all__ = ["register"]
