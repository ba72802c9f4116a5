"""Which slices are counted together. Pure: lists in, lists out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TypeVar

from duckdb_sketch.rollup.sources.objects import is_served
from duckdb_sketch.rollup.sources.source import SourceSlice

_MOST_COPIED = 1 << 30  # bytes of objects that are on this machine at once, unless one is larger

S = TypeVar("S", bound=SourceSlice)


def next_batch(files: Sequence[S], rows: Mapping[str, int], most_rows: int, most_files: int = sys.maxsize) -> list[S]:
    """The files at the beginning that make a batch: of one kind, and no more rows or files than it may have.

    Args:
        files: The files, at least one.
        rows: How many rows each has, by its path.
        most_rows: That a batch may have, unless it is a single file.
        most_files: That a batch may have.
    """
    batch = [files[0]]
    room, space = most_rows - rows.get(files[0].path, 0), _MOST_COPIED - _copied(files[0])
    for file in files[1:most_files]:
        room -= rows.get(file.path, 0)
        space -= _copied(file)
        if room < 0 or space < 0 or file.reader != files[0].reader:
            break
        batch.append(file)
    return batch


def _copied(file: SourceSlice) -> int:
    """How many bytes of disk reading it takes."""
    return (file.size or 0) if is_served(file.path) else 0


def batches(
    files: Sequence[S], rows: Mapping[str, int], most_rows: int, most_files: int = sys.maxsize
) -> list[list[S]]:
    """Files in their order, packed into batches; see `next_batch`."""
    packed: list[list[S]] = []
    while files:
        packed.append(next_batch(files, rows, most_rows, most_files))
        files = files[len(packed[-1]) :]
    return packed
