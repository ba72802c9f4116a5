"""Which files are to be counted, and in which batches. Pure: lists in, lists out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from duckdb_sketch.rollup.source import File


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


def batches(files: Sequence[File], rows: Mapping[str, int], most_rows: int) -> list[list[File]]:
    """Files in their order, packed into batches of one kind of file each.

    What is left after some batches packs into the same batches again, so that a refresh that was interrupted goes on
    as if it had not been.

    Args:
        files: The files.
        rows: How many rows each has, by its path.
        most_rows: That a batch may have, unless it is a single file.
    """
    packed: list[list[File]] = []
    room = 0
    for file in files:
        size = rows.get(file.path, 0)
        if not packed or size > room or packed[-1][0].reader != file.reader:
            packed.append([])
            room = most_rows
        packed[-1].append(file)
        room -= size
    return packed
