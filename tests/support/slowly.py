"""Work that takes its time, and says where it is; executors import it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Slowly:
    """Hands batches on, and leaves a file for each attempt at each partition: `<partition>-<attempt>-<executor>`."""

    folder: str
    seconds: float

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        from pyspark import TaskContext

        task = TaskContext.get()
        executor = os.getppid()  # the daemon that the executor forks its workers from
        name = f"{task.partitionId()}-{task.taskAttemptId()}-{executor}"
        Path(self.folder, name).touch()
        time.sleep(self.seconds)
        yield from batches
