"""The service: the database with its rollups, each with its worker, and what may be asked of them."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

import duckdb

from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import Change, ManifestError, Refreshed, Rollup, Status
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.ledger.records import RollupRecord
from duckdb_sketch.rollup.reading.status import read_changes, read_status
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.specification import Specification
from duckdb_sketch.service.configuration import Configuration, ConfigurationError, RollupSettings
from duckdb_sketch.service.instance import missing_folders, open_instance, source_folders
from duckdb_sketch.service.queries import Queries
from duckdb_sketch.service.watching import Watcher
from duckdb_sketch.service.worker import Worker

_log = logging.getLogger("duckdb_sketch.service")
_WAIT = 10.0  # seconds for another process that has the database open
_LISTING_AGE = 0.5  # seconds; what has come since is seen by the next look
_BATCH = 4.0  # seconds for a batch that is being counted when the service stops


class Service:
    """A database that is open, its rollups, and their workers.

    Args:
        configuration: What it is to be.
        counted: Is called after something was counted, on whatever thread that was.

    Raises:
        SketchError: If the database cannot be opened, or a rollup is not right.
    """

    def __init__(self, configuration: Configuration, counted: Callable[[], None] = lambda: None) -> None:
        configuration.check()
        self.configuration = configuration
        self.version = 0
        self._told = counted
        self._lock = threading.Lock()
        with ExitStack() as opened:
            self._connection = open_instance(configuration, _WAIT)
            opened.callback(self._connection.close)
            self.workers = {settings.name: self._worker(settings, opened) for settings in configuration.rollups}
            self.cube = Cube(self._connection, self._lookups(), listing_age=_LISTING_AGE)
            opened.callback(self.cube.close)
            self._tables: tuple[int, frozenset[str]] = (-1, frozenset())
            self.queries = Queries(self._connection, self.cube, configuration.limits, self.tables, self.uncounted)
            self._watchers = self._new_watchers()
            self._opened = opened.pop_all()

    def start(self) -> None:
        """Begin to refresh."""
        for watcher in self._watchers:
            watcher.start()
        for worker in self.workers.values():
            worker.start()

    def stop(self, seconds: float = _BATCH) -> None:
        """Stop after the batches that are being counted, or in the midst of them after some seconds, and close all."""
        for watcher in self._watchers:
            watcher.stop()
        stopping = [
            threading.Thread(target=worker.stop, args=[seconds], daemon=True) for worker in self.workers.values()
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        with suppress(duckdb.Error):  # the next start would replay the log
            self._connection.execute("CHECKPOINT")
        self._opened.close()

    def tables(self) -> frozenset[str]:
        """The names of the tables that queries may read, in lower case: events, rollups, levels and lookups."""
        version = self.version
        if self._tables[0] != version:
            with self._connection.cursor() as cursor:
                records = Ledger(cursor).records()
            found = {record.name for record in records}
            statements = [record.statement for record in records if isinstance(record, RollupRecord)]
            statements += [worker.rollup.specification.statement for worker in self.workers.values()]
            for statement in dict.fromkeys(statements):
                specification = Specification.parse(statement)
                found |= {specification.source, *specification.lookups}
            self._tables = version, frozenset(name.lower() for name in found)
        return self._tables[1]

    def uncounted(self) -> frozenset[str]:
        """The tables of events of rollups that have not been made yet."""
        with self._connection.cursor() as cursor:
            known = set(Ledger(cursor).names())
        specifications = [worker.rollup.specification for name, worker in self.workers.items() if name not in known]
        return frozenset(specification.source for specification in specifications)

    def status(self) -> list[dict[str, Any]]:
        """How each rollup stands, itself and its levels, and its worker."""
        found = []
        with self._connection.cursor() as cursor:
            ledger = Ledger(cursor)
            for name, worker in self.workers.items():
                known = ledger.find(name) is not None
                levels: list[Status] = read_status(ledger, name) if known else []
                found.append(
                    {
                        "rollup": name,
                        "worker": dataclasses.asdict(worker.status),
                        "tables": [dataclasses.asdict(level) for level in levels],
                    }
                )
        return found

    def rollups(self) -> dict[str, Any]:
        """What there is to ask about: rollups with their statements, metrics and dimensions."""
        return {
            "rollups": [
                {
                    "rollup": name,
                    "statement": worker.rollup.specification.statement,
                    "source": worker.rollup.specification.source,
                    "levels": [level.name for level in worker.settings.levels],
                }
                for name, worker in self.workers.items()
            ],
            "metrics": [dataclasses.asdict(metric) for metric in self.cube.metrics()],
            "dimensions": [dataclasses.asdict(dimension) for dimension in self.cube.dimensions()],
            "words": self.cube.words(),
        }

    def changes(self, name: str, since: int) -> list[Change]:
        """The buckets of a rollup or level that changed after a batch.

        Raises:
            ManifestError: If there is none of this name.
            PrunedChangesError: If they are not known any more.
        """
        with self._connection.cursor() as cursor:
            ledger = Ledger(cursor)
            return read_changes(ledger, ledger.get(name), since)

    def worker(self, name: str) -> Worker:
        """The worker of a rollup.

        Raises:
            ManifestError: If there is none of this name.
        """
        if name not in self.workers:
            raise ManifestError(f"there is no rollup {name} here; there is {', '.join(self.workers)}")
        return self.workers[name]

    def refresh(self, name: str) -> Refreshed:
        """Refresh a rollup now."""
        return self.worker(name).refresh()

    def check(self) -> None:
        """See that the database answers.

        Raises:
            duckdb.Error: If it does not.
        """
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1").fetchall()

    def memory(self) -> int:
        """How many bytes DuckDB holds in memory."""
        with self._connection.cursor() as cursor:
            row = cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
        return int(row[0] or 0) if row else 0

    def _counted(self) -> None:
        with self._lock:
            self.version += 1
        self._told()

    def _worker(self, settings: RollupSettings, opened: ExitStack) -> Worker:
        rollup = Rollup.from_sql(
            settings.statement,
            sources=settings.sources,
            database=self._connection,
            name=settings.name,
            time_zone=settings.time_zone,
            allowed_lateness=settings.allowed_lateness,
            late=settings.late,
            missing=settings.missing,
            look_back=settings.look_back,
            earliest=settings.earliest,
            latest=settings.latest,
            expand=settings.expand,
        )
        opened.callback(rollup.close)
        return Worker(settings, rollup, self._counted)

    def _lookups(self) -> Mapping[str, Any]:
        """What sources say besides the events, which the ledger knows."""
        events = {worker.rollup.specification.source.lower() for worker in self.workers.values()}
        given = (item for rollup in self.configuration.rollups for item in rollup.sources.items())
        return {name: files for name, files in given if name.lower() not in events}

    def _new_watchers(self) -> list[Watcher]:
        found = []
        for worker in self.workers.values():
            if not worker.settings.triggers.files:
                continue
            folders = source_folders(worker.settings)
            remote = [files for files in worker.settings.sources.values() if is_url(str(files))]
            if remote or not folders:
                raise ConfigurationError(
                    f"rollup {worker.settings.name}: only local files are watched: take every = '1 min' in the place "
                    "of files = true"
                )
            found.append(Watcher(folders, worker.notice))
        return found


def check_rollups(configuration: Configuration) -> None:
    """See that the statements of a configuration can be rolled up, with no database touched.

    Raises:
        SketchError: If one cannot, or its folder is not there.
    """
    configuration.check()
    for settings in configuration.rollups:
        with Rollup.from_sql(
            settings.statement, sources=settings.sources, name=settings.name, expand=settings.expand
        ) as rollup:
            missing = sorted({rollup.specification.source} - set(settings.sources))
            if missing and rollup.specification.declared is None:
                raise ConfigurationError(
                    f"rollup {settings.name}: say what {missing[0]} stands for: "
                    f"sources = {{ {missing[0]} = 'in/*.parquet' }} (--source {missing[0]}='in/*.parquet')"
                )
    for folder in missing_folders(configuration.rollups):
        raise ConfigurationError(f"there is no folder {folder}")
