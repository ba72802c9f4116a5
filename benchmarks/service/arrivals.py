"""Files of bids that arrive one after another, each at its second."""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic, sleep

import duckdb

_FILE = """
COPY (
    SELECT now()::TIMESTAMP + to_microseconds(i) AS ts, 'c' || hash(i + {seed}) % 8 AS country,
        (hash(i * 7 + {seed}) % 200_000)::BIGINT AS user_id, (hash(i * 13 + {seed}) % 10_000)::BIGINT AS cents,
        exp((hash(i * 13 + {seed}) % 10_000) / 2_000.0) AS price
    FROM range({rows}) AS t(i)
) TO '{path}' (FORMAT parquet)
"""


class Arrivals:
    """Writes a file each second, in a thread of its own.

    Args:
        folder: Where to.
        rows: Of each file.
        seconds: How many files.

    Attributes:
        times: When each was there, by how many rows had arrived then.
    """

    def __init__(self, folder: Path, rows: int, seconds: int) -> None:
        self.times: dict[int, float] = {}
        self._folder = folder
        self._rows = rows
        self._seconds = seconds
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def total(self) -> int:
        """How many rows will have arrived."""
        return self._rows * self._seconds

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        start = monotonic()
        with duckdb.connect(config={"threads": 1}) as connection:
            for number in range(self._seconds):
                hidden = self._folder / f".{number:05}.parquet"
                connection.execute(_FILE.format(seed=number * self._rows, rows=self._rows, path=hidden))
                sleep(max(0.0, start + number - monotonic()))
                hidden.rename(self._folder / hidden.name[1:])
                self.times[self._rows * (number + 1)] = monotonic()
