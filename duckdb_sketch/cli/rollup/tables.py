"""What is said of a rollup: what was counted, which buckets changed, how it stands."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from duckdb_sketch._text import counted
from duckdb_sketch.cli.output import Output, plain
from duckdb_sketch.rollup import Change, Refreshed, SourceStatus, Status


def _last_event(source: SourceStatus) -> str:
    lag = f", {source.lag} behind" if source.lag else ""
    return f"{source.highest_event or ''}{lag}{', idle' if source.idle else ''}"


def _error(source: SourceStatus) -> str:
    waiting = f" ({counted(source.waiting, 'slice')} not counted)" if source.waiting else ""
    return f"{source.failed:%Y-%m-%d %H:%M:%S} UTC: {source.error}{waiting}"


def print_refreshed(output: Output, refreshed: Refreshed) -> None:
    """Say what was counted."""
    if output.json:
        output.document(refreshed)
        return
    output.line(str(refreshed))


def print_changes(output: Output, found: list[Change]) -> None:
    """List the buckets that changed."""
    if output.json:
        output.document(found)
        return
    table = Table("batch", "bucket", "pane", "rows", box=None)
    for change in found:
        table.add_row(str(change.batch), str(change.bucket), change.pane, f"{change.rows:,}")
    output.table(table)


def print_status(output: Output, found: list[Status]) -> None:
    """Print the status of rollups and levels, one column each."""
    if output.json:
        output.document(found)
        return
    table = Table(box=None)
    table.add_column("")
    for status in found:
        table.add_column(plain(status.rollup), justify="right")
    labels: dict[str, Callable[[Status], str]] = {
        "made from": lambda s: s.parent or "events",
        "every": lambda s: s.every,
        "groups": lambda s: "its table is gone" if s.missing else f"{s.groups:,}",
        "first bucket": lambda s: str(s.first_bucket or ""),
        "last bucket": lambda s: str(s.last_bucket or ""),
        "files": lambda s: "" if s.parent else f"{s.files:,}",
        "events": lambda s: "" if s.parent else f"{s.rows:,}",
        "late": lambda s: "" if s.parent else f"{s.late_rows:,}",
        "dropped": lambda s: "" if s.parent else f"{s.dropped_rows:,}",
        "kept out": lambda s: "" if s.parent else f"{s.rejected_rows:,}",
        "last batch": lambda s: str(s.last_batch),
        "batches behind": lambda s: str(s.behind) if s.parent else "",
        "watermark": lambda s: str(s.watermark or ""),
        "expired before": lambda s: str(s.expired_before or ""),
        "time zone": lambda s: s.time_zone or "",
    }
    if any(status.sources for status in found):
        labels |= {
            "source": lambda s: "\n".join(each.source for each in s.sources),
            "last slice": lambda s: "\n".join(each.position or "" for each in s.sources),
            "last event": lambda s: "\n".join(map(_last_event, s.sources)),
        }
    if any(each.error for status in found for each in status.sources):
        labels["last error"] = lambda s: "\n".join(_error(each) for each in s.sources if each.error)
    for label, text in labels.items():
        table.add_row(label, *(plain(text(status)) for status in found))
    output.rows(table)
