"""Each fault that real files and hostile conditions have shown has a test, which is named here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

ROWS = {
    # 1. Silently wrong numbers
    "type pinned without evidence": "rollup/test_field_types.py::files_in_any_order_and_batching_have_one_outcome",
    "CSV columns bound by position": "faults/test_verify.py::columns_that_were_bound_by_position",
    "nested fields bypass the type check": "rollup/test_field_types.py::nested_fields_of_parquet_have_one_type",
    "sniffer rounds values": "rollup/test_field_types.py::a_fraction_far_down_a_file_is_not_rounded",
    "declared types round values": "faults/test_numbers.py::a_declared_type_that_would_round_is_an_error",
    "nested declared types round values": (
        "faults/test_numbers.py::nested_values_are_not_rounded_to_their_declared_types"
    ),
    "JSON numbers lose digits": (
        "faults/test_numbers.py::digits_of_json_that_duckdb_does_not_keep_are_an_error_but_in_text"
    ),
    "a sniffer rounds values of lookup tables": (
        "faults/test_lookups.py::a_fraction_behind_many_whole_numbers_is_not_rounded"
    ),
    "rows of other lengths": "faults/test_layouts.py::a_row_of_another_length_is_an_error_with_its_line",
    "a dialect of another file": "faults/test_layouts.py::quotes_of_one_file_are_not_those_of_another",
    "names below other lines": "faults/test_layouts.py::columns_are_bound_by_name_below_lines_that_name_none",
    "nested keys that are one in capitals": (
        "faults/test_layouts.py::nested_keys_that_are_one_in_capitals_are_an_error"
    ),
    "an object with a key twice": "faults/test_layouts.py::an_object_with_a_key_twice_is_an_error",
    "a folder's text and number": "faults/test_folder_names.py::two_texts_of_one_number_are_asked_about",
    "Spark binds as one process does": (
        "faults/test_files_of_a_cluster.py::executors_read_declared_text_as_it_is_declared"
    ),
    "ambiguous dates": "faults/test_times.py::a_format_that_is_ambiguous_is_asked_for",
    "in-flight file counted twice": "rollup/test_listing.py::a_file_in_the_making_is_counted_once",
    "partition folder overrides file column": "rollup/test_declarations.py::a_column_of_the_file_wins_over_its_path",
    "wrong database": "rollup/test_catalogs.py::wrong_database",
    "object keys treated as patterns": "rollup/test_listing.py::the_name_of_an_object_is_a_literal",
    "object shared between threads": "rollup/test_processes_and_threads.py::object_shared_between_threads",
    "one-shot stream": "rollup/test_append.py::one_shot_stream_consumed_by_a_failed_attempt",
    "forked process": "rollup/test_processes_and_threads.py::forked_process",
    "merge order differs from the aggregate's": "rollup/test_merge_order.py::merge_order_differs_from_the_aggregates",
    "numeric batch ids": "rollup/test_append.py::numeric_batch_ids",
    "missing time-zone prompt": "rollup/test_merge_order.py::missing_time_zone_prompt",
    "nanoseconds rounded up": "rollup/test_nanoseconds.py::nanoseconds_are_truncated_not_rounded_up",
    "sketches counted as values": "faults/test_sketch_objects.py::columns_of_sketches_are_not_counted_as_values",
    "verify reads independently": "faults/test_verify.py::what_a_refresh_reads_wrongly",
    # 2. Jobs that get stuck
    "Hive partition types guessed per batch": (
        "rollup/test_declarations.py::partitions_have_one_type_whatever_folder_comes_first"
    ),
    "type equality too strict": "rollup/test_categories.py::batches_with_other_categories_are_one_dimension",
    "new column": "rollup/test_declarations.py::missing_columns_are_null_if_that_is_asked_for",
    "missing null is kept": "faults/test_missing_columns.py::what_was_said_once_holds",
    "result depends on order": "rollup/test_source_law.py::any_files_in_any_order_and_batches",
    "touched file": "rollup/test_changed_files.py::a_touched_file_is_no_change",
    "table dropped by hand": "rollup/test_command_line_faults.py::table_dropped_by_hand",
    "directory as source": "rollup/test_listing.py::a_directory_stands_for_its_data_files",
    "symlink loops": "rollup/test_listing.py::symlink_loops_end_and_each_file_is_found_once",
    "many small files": "rollup/test_many_files.py::small_json_files_are_read_within_little_memory",
    "memory limit": "rollup/test_many_files.py::a_batch_has_a_limited_number_of_files",
    "statement forms": "rollup/test_statement_forms.py::the_name_of_a_statement_file_may_have_spaces",
    "unlimited memory": "rollup/test_merge_order.py::unlimited_memory",
    # 3. What users see
    "Ctrl-C and SIGTERM": "rollup/test_command_line_faults.py::a_signal_is_one_line_and_keeps_what_was_counted",
    "permissions": "faults/test_every_command.py::a_folder_that_may_not_be_read",
    "links to themselves": "faults/test_every_command.py::a_database_that_is_none",
    "a statement that is not UTF-8": "faults/test_every_command.py::a_statement_that_cannot_be_read",
    "markup and control characters": "rollup/test_command_line_faults.py::markup_and_control_characters_are_escaped",
    "the spelling of the command line": "faults/test_every_command.py::options_that_are_wrong",
    "expire says what it dropped": "rollup/test_command_line.py::replay_verify_and_expire",
    "an empty database": "rollup/test_command_line_faults.py::a_failed_first_refresh_leaves_no_empty_database",
    "a full disk": "faults/test_every_command.py::a_disk_that_is_full",
    "install for version 99": "cli/test_cli.py::install_for_what_is_no_version",
    "--version": "cli/test_cli.py::version",
    "plot of an export": "rollup/test_command_line_faults.py::plot_of_an_export",
    "sketch objects in pandas": "values/test_arrow_type.py::sketch_objects_of_pandas_go_to_parquet_and_come_back",
    "NumPy scalars": "values/test_python_values.py::numpy_scalars_count_as_their_array",
    "mixed lists": "values/test_python_values.py::one_next_to_two_and_a_half_counts_as_the_integer_that_it_is",
    "all-null columns": "values/test_python_values.py::nothing_is_an_empty_sketch",
    "Ibis": "packaging/test_loading.py::the_backend_of_ibis_is_loaded_as_its_connection",
    "README in one connection": "docs/test_docs.py::the_blocks_of_a_file_run",
    # 4. Security
    "a crafted manifest": "rollup/test_crafted_exports.py::a_crafted_manifest_is_refused",
    "exports follow links": "rollup/test_crafted_exports.py::an_export_follows_no_link",
    "a failed allocation": "host/test_allocation.py::a_state_that_cannot_grow_is_an_error",
    "changes grow without bound": "rollup/test_pruned_changes.py::changes_do_not_grow_with_the_batches",
    # 5. Imports and documentation
    "hyperUnique headers": "druid/test_druid.py::a_header_that_counts_too_few_registers_is_counted_again",
    "types that cannot be measured": "portable/test_refused_types.py::the_error_says_what_to_write",
    "window frames": "host/test_shared_states.py::a_window_over_a_whole_partition_is_right_or_an_error",
    "decorrelated subqueries and COLLATE": "docs/test_docs.py::the_blocks_of_a_file_run",
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_test(row: str) -> None:
    file, name = ROWS[row].split("::")
    assert re.search(rf"^def test_{name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), row
