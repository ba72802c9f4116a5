"""Options of DuckDB's readers: which a rollup hands on, reads itself, or refuses and why."""

from __future__ import annotations

#: Options that have several names, by each of the others.
ONE_SPELLING = {
    "separator": "delim",
    "delimiter": "delim",
    "sep": "delim",
    "null": "nullstr",
    "maximum_line_size": "max_line_size",
    "date_format": "dateformat",
    "timestamp_format": "timestampformat",
    "column_names": "names",
    "dtypes": "types",
    "column_types": "types",
}
#: Options that say how files are written, and that DuckDB is told.
DIALECT = {
    "read_csv": (
        *(
            "delim",
            "quote",
            "escape",
            "header",
            "skip",
            "comment",
            "nullstr",
            "encoding",
            "compression",
            "null_padding",
        ),
        *(
            "strict_mode",
            "new_line",
            "max_line_size",
            "allow_quoted_nulls",
            "buffer_size",
            "parallel",
            "normalize_names",
        ),
    ),
    "read_json": ("format", "compression", "maximum_object_size"),
    "read_parquet": ("binary_as_string", "int96_as", "utf8_validation", "prefetch_strategy"),
}
#: Options that a rollup reads itself.
READ = {
    "read_csv": (
        *(
            "types",
            "columns",
            "names",
            "dateformat",
            "timestampformat",
            "decimal_separator",
            "thousands",
            "all_varchar",
        ),
        "ignore_errors",
    ),
    "read_json": ("types", "columns", "dateformat", "timestampformat", "ignore_errors"),
    "read_parquet": (),
}
#: Options that a rollup reads itself, of every reader.
EVERYWHERE = ("hive_partitioning", "hive_types", "hive_types_autocast", "union_by_name")
_ALWAYS_ALL = "a rollup looks at every value, so that no sample decides"
#: Options that change nothing with these values, as columns are bound by name and types by all values.
_AS_IT_IS = {
    "filename": ("false",),
    "auto_detect": ("true",),
    "records": ("true", "'auto'"),
    "case_insensitive_keys": ("true",),
    "store_rejects": ("false",),
    "array": ("'auto'",),
    "geojson": ("false",),
    "column_statistics": ("false",),
    "file_row_number": ("false",),
    "allow_empty": ("false",),
    "sample_size": (),
    "files_to_sniff": (),
    "maximum_sample_files": (),
}
_REFUSED = {
    "filename": "the ledger knows the rows of each file; a statement cannot group by it",
    "auto_detect": "give types for the columns that are not to be detected",
    "auto_type_candidates": f"{_ALWAYS_ALL}; give types",
    "records": "a row is an object, whose keys are columns",
    "array": "write format = 'array'",
    "geojson": "a row is an object, whose keys are columns",
    "case_insensitive_keys": "names of columns are the same in capitals everywhere",
    "store_rejects": "write ignore_errors = true: rejected rows are counted in the ledger",
    "rejects_table": "write ignore_errors = true: rejected rows are counted in the ledger",
    "rejects_scan": "write ignore_errors = true: rejected rows are counted in the ledger",
    "rejects_limit": "write ignore_errors = true: rejected rows are counted in the ledger",
    "rejects_line_size_limit": "write ignore_errors = true: rejected rows are counted in the ledger",
    "force_not_null": "an empty field is NULL; write coalesce(x, '') in the statement",
    "schema": "columns are bound by name; give types, or missing='null' for those that a file lacks",
    "bound_schema": "columns are bound by name",
    "file_row_number": "a statement cannot group by it",
    "column_statistics": "a rollup has no use for them",
    "allow_empty": "an empty list of files is an error",
    "maximum_depth": f"{_ALWAYS_ALL}; give columns",
    "field_appearance_threshold": f"{_ALWAYS_ALL}; give columns",
    "map_inference_threshold": f"{_ALWAYS_ALL}; give columns, with MAP(VARCHAR, …)",
    "convert_strings_to_integers": "7 and '7' would be counted as one or as two, as files come; give types",
    "encryption_config": "the ledger would keep the key",
    "explicit_cardinality": "the number of rows is read from the files",
    "can_have_nan": "statistics are not relied on where there may be NaN",
    "compression": "the footer says how columns are compressed",
    "parquet_version": "it is for writing",
    "debug_use_openssl": "it is for debugging",
    "maximum_files_for_stats": "it is for debugging",
}


def changes_nothing(name: str, value: str) -> bool:
    """Whether an option with a value, as SQL, may as well be left out."""
    allowed = _AS_IT_IS.get(name)
    return allowed is not None and (not allowed or value.lower() in allowed)


def refusal(reader: str, name: str) -> str:
    """Why a reader's option is not taken."""
    if reason := _REFUSED.get(name):
        return f"{reader} of a rollup does not take {name}: {reason}"
    known = ", ".join((*DIALECT[reader], *READ[reader], *EVERYWHERE))
    return f"{reader} of a rollup takes no option {name}; it takes {known}"
