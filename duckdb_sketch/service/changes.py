"""Changes as they come: a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup import Change
from duckdb_sketch.rows import plain

_ALIVE = 15.0  # seconds after which an empty line says that the stream lives


class Bell:
    """Rings for everyone who waits, on one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.is_closed = False

    def ring(self) -> None:
        """Wake who waits."""
        self._event.set()
        self._event = asyncio.Event()

    def close(self) -> None:
        """Wake who waits, for the last time."""
        self.is_closed = True
        self.ring()

    @property
    def next(self) -> asyncio.Event:
        """What is set when it rings for the next time. Taken before a look, no ring after that look is missed."""
        return self._event


def change_document(change: Change) -> dict[str, object]:
    """A change for machines."""
    return {"batch": change.batch, "bucket": plain(change.bucket), "pane": change.pane, "rows": change.rows}


async def stream(
    read: Callable[[int], Awaitable[list[Change]]], since: int, bell: Bell, pane: str | None
) -> AsyncIterator[str]:
    """The changes after a batch, and all that follow, a batch an event.

    Args:
        read: Reads the changes after a batch.
        since: The batch.
        bell: Rings when there may be more.
        pane: Only those of a pane; None for all.
    """
    yield "retry: 1000\n\n"
    while not bell.is_closed:
        ring = bell.next
        try:
            found = await read(since)
        except SketchError as error:
            yield f"event: error\ndata: {json.dumps({'kind': type(error).__name__, 'message': str(error)})}\n\n"
            return
        for batch in sorted({change.batch for change in found}):
            since = batch
            of_batch = [change_document(each) for each in found if each.batch == batch]
            shown = [each for each in of_batch if pane in (None, each["pane"])]
            if shown:
                yield f"id: {batch}\nevent: changes\ndata: {json.dumps(shown)}\n\n"
        try:
            await asyncio.wait_for(ring.wait(), _ALIVE)
        except asyncio.TimeoutError:
            yield ": \n\n"
