"""Which files are to be counted, and in which batches. Pure: lists in, lists out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from duckdb_sketch.rollup.sources.files import File

#: Memory that is set aside for a row's states: if it is a group of its own, and if it is one of many in a group.
BYTES_OF_A_GROUP = 160
BYTES_OF_A_ROW = 50


@dataclass(frozen=True)
class Plan:
    """What a refresh finds.

    Attributes:
        new: Files that have not been counted, by path.
        changed: Files that changed after they were counted, as they are now.
    """

    new: tuple[File, ...]
    changed: tuple[File, ...]

    @staticmethod
    def of(found: Iterable[File], counted: Mapping[str, File]) -> Plan:
        """Compare the files that there are with those that have been counted, by their paths.

        A file that was counted and is gone is no change: its rows are in the rollup, and may stay.
        """
        new, changed = [], []
        for file in found:
            known = counted.get(file.path)
            if known is None:
                new.append(file)
            elif known != file:
                changed.append(file)
        return Plan(tuple(new), tuple(changed))


def next_batch(files: Sequence[File], rows: Mapping[str, int], most_rows: int) -> list[File]:
    """The files at the beginning that make a batch: of one kind, and no more rows than it may have.

    Args:
        files: The files, at least one.
        rows: How many rows each has, by its path.
        most_rows: That a batch may have, unless it is a single file.
    """
    batch = [files[0]]
    room = most_rows - rows.get(files[0].path, 0)
    for file in files[1:]:
        room -= rows.get(file.path, 0)
        if room < 0 or file.reader != files[0].reader:
            break
        batch.append(file)
    return batch


def batches(files: Sequence[File], rows: Mapping[str, int], most_rows: int) -> list[list[File]]:
    """Files in their order, packed into batches; see `next_batch`."""
    packed: list[list[File]] = []
    while files:
        packed.append(next_batch(files, rows, most_rows))
        files = files[len(packed[-1]) :]
    return packed


def rows_of_batch(most_rows: int, rows: int, groups: int) -> int:
    """How many rows a batch may have, as those before it had many rows a group or few.

    Args:
        most_rows: That a batch may have if each row is a group of its own.
        rows: How many rows have been counted.
        groups: In how many groups they are.
    """
    if not rows:
        return most_rows
    alone = min(groups / rows, 1)
    return int(most_rows * BYTES_OF_A_GROUP / (BYTES_OF_A_ROW + (BYTES_OF_A_GROUP - BYTES_OF_A_ROW) * alone))
