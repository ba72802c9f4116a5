"""Which slices are counted together. Pure: lists in, lists out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from duckdb_sketch.rollup.sources.file import File


def next_batch(
    files: Sequence[File], rows: Mapping[str, int], most_rows: int, most_files: int = sys.maxsize
) -> list[File]:
    """The files at the beginning that make a batch: of one kind, and no more rows or files than it may have.

    Args:
        files: The files, at least one.
        rows: How many rows each has, by its path.
        most_rows: That a batch may have, unless it is a single file.
        most_files: That a batch may have.
    """
    batch = [files[0]]
    room = most_rows - rows.get(files[0].path, 0)
    for file in files[1:most_files]:
        room -= rows.get(file.path, 0)
        if room < 0 or file.reader != files[0].reader:
            break
        batch.append(file)
    return batch


def batches(
    files: Sequence[File], rows: Mapping[str, int], most_rows: int, most_files: int = sys.maxsize
) -> list[list[File]]:
    """Files in their order, packed into batches; see `next_batch`."""
    packed: list[list[File]] = []
    while files:
        packed.append(next_batch(files, rows, most_rows, most_files))
        files = files[len(packed[-1]) :]
    return packed
