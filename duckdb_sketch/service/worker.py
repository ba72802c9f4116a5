"""The worker of a rollup: a thread that refreshes it when its triggers say so, and does what follows."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import duckdb

from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup import Level, Progress, Refreshed, Rollup
from duckdb_sketch.rollup.pipeline.waiting import Waiting
from duckdb_sketch.service.configuration import RollupSettings
from duckdb_sketch.service.triggers import Due, Schedule

_log = logging.getLogger("duckdb_sketch.service")
_LONGEST_BACKOFF = 300.0  # seconds
_SOON = 1.0
_PAUSE = 5.0  # the longest sleep, so that a clock that jumps does no harm

State = Literal["waiting", "refreshing", "failing", "stopped"]


class StoppedError(SketchError):
    """The service stops; what was counted before is kept."""


@dataclass(frozen=True)
class WorkerStatus:
    """How the worker of a rollup stands.

    Attributes:
        state: What it does.
        refreshes: How many refreshes came to their end.
        failures: How many attempts in a row failed.
        error: Why the last one did; None if it did not.
        last_attempt: When the last refresh began, `last_success` when the last one that went well ended.
        next_attempt: When a rollup that fails is tried again.
        seconds: What the last refresh took.
        why: The triggers of the last one.
        rows: Rows counted since the service began.
        changed: Files that changed after they were counted.
    """

    state: State = "waiting"
    refreshes: int = 0
    failures: int = 0
    error: str | None = None
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    next_attempt: datetime | None = None
    seconds: float | None = None
    why: tuple[str, ...] = ()
    rows: int = 0
    changed: tuple[str, ...] = field(default=())


class Worker:
    """Keeps one rollup current, in a thread of its own: one that fails or is slow does not keep others waiting.

    Args:
        settings: The rollup.
        rollup: The same, opened.
        counted: Is called after each batch, on this thread.
        clock: The seconds of a clock that does not jump.
    """

    def __init__(
        self,
        settings: RollupSettings,
        rollup: Rollup,
        counted: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.rollup = rollup
        self.status = WorkerStatus()
        self._counted = counted
        self._clock = clock
        self._schedule = Schedule(settings.triggers, clock())
        self._retry_at = 0.0
        self._wake = threading.Event()
        self._files = threading.Event()
        self._stopping = threading.Event()
        self._levels: dict[str, Level] = {}
        self._files_told = 0
        self._marker = _marker_time(settings.triggers.marker)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"refresh {settings.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def notice(self) -> None:
        """Files of the source have changed, which may be what a rollup that fails waits for."""
        self._retry_at = min(self._retry_at, self._clock() + _SOON)
        self._files.set()
        self._wake.set()

    def refresh(self) -> Refreshed:
        """Refresh it now, whatever the triggers say. Of several threads, one does at a time.

        Raises:
            SketchError: If that fails, and whatever `Rollup.refresh` raises.
        """
        return self._refresh(Due(True, True, ("asked",)))

    def append(self, data: Any, batch_id: str | None) -> Refreshed:
        """Count data that is in no file, and do what follows.

        Raises:
            SketchError: As `Rollup.append` does.
        """
        with self._lock:
            refreshed = self.rollup.append(data, batch_id=batch_id)
            self._counted()
            self._note(rows=self.status.rows + refreshed.rows)
            try:
                self._follow(refreshed)
            except Exception as error:  # the data are counted, whatever becomes of an export
                self._failed(error)
        return refreshed

    def stop(self, seconds: float) -> None:
        """Stop after the batch that is being counted, or in the midst of it if that takes longer than some seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        while self._thread.is_alive():
            with suppress(duckdb.Error):
                self.rollup.interrupt()
            self._thread.join(0.1)
        while not self._lock.acquire(timeout=0.1):  # a request appends
            with suppress(duckdb.Error):
                self.rollup.interrupt()
        self._lock.release()
        self._note(state="stopped")

    def turn(self) -> bool:
        """Refresh if that is due; say whether it was."""
        now = self._clock()
        if now < self._retry_at:
            return False
        try:
            files = self._files.is_set()
            self._files.clear()
            due = self._schedule.due(now, self._waiting, files=files, marker=self._marked())
            if not due and self.status.failures:
                due = Due(True, self.settings.triggers.late is None, ("again",))
            if due:
                self._refresh(due)
            return bool(due)
        except Exception as error:
            self._failed(error)
            return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            pause = max(self._schedule.next(), self._retry_at) - self._clock()
            if self.status.failures:
                pause = self._retry_at - self._clock()
            self._wake.wait(max(0.01, min(pause, _PAUSE)))
            self._wake.clear()

    def _waiting(self) -> Waiting:
        return self.rollup.waiting()

    def _marked(self) -> bool:
        found = _marker_time(self.settings.triggers.marker)
        changed = found is not None and found != self._marker
        self._marker = found
        return changed

    def _refresh(self, due: Due) -> Refreshed:
        with self._lock:
            started = self._clock()
            self._note(state="refreshing", last_attempt=_now(), why=due.why)
            try:
                refreshed = self._count(due)
                self._follow(refreshed)
            except BaseException:
                self._note(state="waiting")
                raise
            self._note(
                state="waiting",
                refreshes=self.status.refreshes + 1,
                failures=0,
                error=None,
                last_success=_now(),
                next_attempt=None,
                seconds=round(self._clock() - started, 3),
                rows=self.status.rows + refreshed.rows,
                changed=tuple(refreshed.changed),
            )
            self._retry_at = 0.0
        (_log.info if refreshed.batches else _log.debug)("%s", refreshed)
        return refreshed

    def _count(self, due: Due) -> Refreshed:
        """Count the files that are due."""
        only = None
        if self.settings.triggers.late is not None and not (due.current and due.late):
            only = due.chosen(self.rollup.waiting())
        self._files_told = 0
        refreshed = self.rollup.refresh(on_change=self.settings.on_change, progress=self._progress, only=only)
        if refreshed.batches:
            self._counted()
        return refreshed

    def _progress(self, progress: Progress) -> None:
        if progress.files > self._files_told:
            self._files_told = progress.files
            self._counted()
        if self._stopping.is_set():
            raise StoppedError("the service stops; what was counted before is kept")

    def _follow(self, refreshed: Refreshed) -> None:
        """Make the levels, drop what is old, and export what is new."""
        if not self._levels:
            self._make_levels()
        if not refreshed.batches and self.status.refreshes:
            return
        kept = {self.settings.name: self.settings.retention}
        kept |= {level.name: level.retention for level in self.settings.levels}
        for name, retention in kept.items():
            if retention is not None:
                self._levels[name].expire(older_than=retention)
                self._counted()
        for export in self.settings.exports:
            self._levels[export.of or self.settings.name].export(export.folder, export.partition)

    def _make_levels(self) -> None:
        levels: dict[str, Level] = {self.settings.name: self.rollup}
        for level in self.settings.levels:
            parent = levels[level.of or self.settings.name]
            levels[level.name] = parent.coarsen(level.every, level.name, level.by)
            self._counted()
        self._levels = levels

    def _failed(self, error: Exception) -> None:
        if self._stopping.is_set():
            return
        self._counted()  # there may have been batches before it
        failures = self.status.failures + 1
        # So that workers that failed together do not come back together.
        pause = min(2.0 ** min(failures - 1, 16), _LONGEST_BACKOFF) * random.uniform(0.75, 1)
        self._retry_at = self._clock() + pause
        self._note(
            state="failing",
            failures=failures,
            error=f"{type(error).__name__}: {error}",
            next_attempt=_now() + timedelta(seconds=pause),
        )
        _log.warning("%s: %s; again in %.0f s", self.settings.name, error, pause)
        if not isinstance(error, (SketchError, duckdb.Error, OSError)):
            _log.error("%s", self.settings.name, exc_info=error)

    def _note(self, **values: Any) -> None:
        """Change the status, on the thread that holds the lock, or the only one that is left."""
        self.status = replace(self.status, **values)


def _marker_time(marker: Path | None) -> int | None:
    try:
        return None if marker is None else marker.stat().st_mtime_ns
    except OSError:
        return None


def _now() -> datetime:
    return datetime.now(timezone.utc)
