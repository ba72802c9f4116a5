"""Noticing files as they come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

_log = logging.getLogger("duckdb_sketch.service")
_STEP = 50  # milliseconds without another change, after which changes are told
_LONGEST = 400  # milliseconds after which they are told in any case


class Watcher:
    """Tells of changes in folders, in a thread of its own, until it is stopped.

    Args:
        folders: The folders, which have to be there.
        changed: Is called after changes.
    """

    def __init__(self, folders: Sequence[str], changed: Callable[[], None]) -> None:
        self._folders = folders
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="files", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, which takes a moment; nobody has to wait for it."""
        self._stop.set()

    def _run(self) -> None:
        from watchfiles import watch  # only here: it is an extra

        try:
            for _ in watch(
                *self._folders,
                watch_filter=None,
                stop_event=self._stop,
                step=_STEP,
                debounce=_LONGEST,
                rust_timeout=1000,
                raise_interrupt=False,
            ):
                self._changed()
        except Exception as error:  # a folder that was removed, a limit of the system
            _log.error("files are not watched any more: %s", error)
