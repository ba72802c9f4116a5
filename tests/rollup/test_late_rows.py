"""Watermarks, panes, and rows that come after their bucket was final."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import EVENTS, everything, hourly, of_raw, table, write_events

import duckdb_sketch
from duckdb_sketch.rollup import LateDataError, Level, Rollup, RollupError, SourceError, SpecificationError


def at(number: int) -> datetime:
    """The time of an event of EVENTS."""
    return datetime(2024, 2, 27, 0, 10) + timedelta(minutes=40 * number)


def append(level: Rollup, first: int, last: int, **options: Any) -> Any:
    with duckdb.connect() as connection:
        return level.append(connection.sql(EVENTS.format(first=first, last=last)).to_arrow_table(), **options)


@pytest.mark.parametrize(
    ("lateness", "behind"),
    [(None, timedelta(0)), ("2 hours", timedelta(hours=2)), (timedelta(days=1), timedelta(days=1))],
)
def test_the_watermark_is_the_highest_event_less_the_allowed_lateness(
    tmp_path: Path, lateness: Any, behind: timedelta
) -> None:
    level = hourly(tmp_path, allowed_lateness=lateness)
    assert append(level, 0, 10).watermark == at(9) - behind
    assert append(level, 3, 5).watermark == at(9) - behind  # it never goes back
    assert append(level, 10, 12).watermark == at(11) - behind


def test_it_moves_only_when_a_refresh_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path, late="error")
    level.refresh()
    seen = []
    for part in (1, 2, 3):  # the first of them is the newest, and the others are late only if it counts at once
        write_events(tmp_path / f"{part}.parquet", 100 - 20 * part, 120 - 20 * part)
    level.refresh(progress=lambda _: seen.append(level.status()[0].watermark))
    assert seen == [at(9)] * 3 + [at(99)]
    assert level.status()[0].late_rows == 0


def test_it_stays_where_it_was_when_a_refresh_fails_in_its_midst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path)
    level.refresh()
    write_events(tmp_path / "1.parquet", 80, 100)
    bad = write_events(tmp_path / "2.parquet", 40, 60)

    def fail(progress: Any) -> None:
        if progress.files:
            bad.write_text("broken")

    with pytest.raises(SourceError, match=r"2\.parquet"):
        level.refresh(progress=fail)
    assert (level.status()[0].files, level.status()[0].watermark) == (2, at(9))
    write_events(bad, 40, 60)
    assert level.refresh().late_rows == 0
    assert level.status()[0].watermark == at(99)


def test_a_rebuild_that_brings_newer_events_moves_it(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 10)
    level = hourly(tmp_path)
    level.refresh()
    write_events(tmp_path / "0.parquet", 0, 20, age=1)
    assert level.refresh(on_change="rebuild").watermark == at(19)


def test_an_event_of_the_future_does_not_make_the_present_final(tmp_path: Path) -> None:
    level = hourly(tmp_path)
    with duckdb.connect() as connection:
        row = "SELECT TIMESTAMP '2150-01-01' AS ts, 'a' AS publisher, 1::BIGINT AS user_id, 1::DECIMAL(10, 2) AS price"
        level.append(connection.sql(row).to_arrow_table())
    watermark = level.status()[0].watermark
    assert watermark is not None
    assert watermark < datetime.now() + timedelta(days=2)


def test_late_rows_merge(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    level = hourly(tmp_path)
    level.refresh()
    write_events(tmp_path / "1.parquet", 50, 110)
    refreshed = level.refresh()
    late = sum(at(i).replace(minute=0) + timedelta(hours=1) <= at(99) for i in range(50, 110))
    assert (refreshed.rows, refreshed.late_rows, refreshed.dropped_rows) == (60, late, 0)
    assert table(level) == of_raw(level, str(tmp_path / "*.parquet"))


def test_late_rows_are_dropped(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    level = hourly(tmp_path, late="drop")
    level.refresh()
    before = table(level)
    write_events(tmp_path / "1.parquet", 50, 98)
    refreshed = level.refresh()
    assert (refreshed.rows, refreshed.late_rows, refreshed.dropped_rows) == (0, 0, 48)
    assert table(level) == before
    assert (level.status()[0].dropped_rows, level.refresh().batches) == (48, [])


def test_late_rows_are_refused_and_nothing_changes(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    level = hourly(tmp_path, late="error")
    level.refresh()
    before = everything(level.connection)
    write_events(tmp_path / "1.parquet", 50, 110)
    with pytest.raises(LateDataError, match="late='merge'"):
        level.refresh()
    assert everything(level.connection) == before
    with pytest.raises(LateDataError):
        append(level, 50, 51, batch_id="late")
    assert everything(level.connection) == before
    forgiving = hourly(tmp_path, late="merge", database=level.connection)
    assert forgiving.refresh().late_rows > 0


@pytest.mark.parametrize("lateness", ["0", "3 hours"])
def test_panes_of_a_rollup_and_its_levels(tmp_path: Path, lateness: str) -> None:
    options = {} if lateness == "0" else {"allowed_lateness": lateness}
    behind = timedelta(hours=3 if options else 0)
    hours = hourly(tmp_path, **options)
    append(hours, 0, 30)
    days = hours.coarsen("day", "days")
    watermarks = {1: at(29) - behind}
    tables: list[tuple[Level, timedelta]] = [(hours, timedelta(hours=1)), (days, timedelta(days=1))]
    for number, (first, last) in enumerate([(28, 40), (10, 12), (30, 75), (75, 76), (0, 80), (80, 200)], 2):
        before = {level.name: set(table(level)) for level, _ in tables}
        since = {level.name: level.status()[0].last_batch for level, _ in tables}
        append(hours, first, last)
        watermarks[number] = max(watermarks[number - 1], at(last - 1) - behind)
        for level, width in tables:
            changes = level.changes(since=since[level.name])
            changed = {row[0] for row in before[level.name] ^ set(table(level))}
            touched = {str(change.bucket) for change in changes if change.rows}
            assert touched == changed, (number, level.name)
            for change in changes:
                was = change.bucket + width <= watermarks[number - 1]
                is_now = change.bucket + width <= watermarks[number]
                assert change.pane == ("late" if was else "on time" if is_now else "early"), (number, change)
                assert change.rows or change.pane == "on time"
    for level, width in tables:
        on_time = Counter(change.bucket for change in level.changes() if change.pane == "on time")
        assert set(on_time.values()) == {1}
        final = {change.bucket for change in level.changes() if change.bucket + width <= watermarks[7]}
        assert set(on_time) == final


def test_changes_since_a_batch_are_those_after_it(tmp_path: Path) -> None:
    level = hourly(tmp_path)
    for number in range(4):
        append(level, number * 10, number * 10 + 10)
    assert {change.batch for change in level.changes(since=2)} == {3, 4}
    assert level.changes(since=4) == []
    assert [change for change in level.changes() if change.batch > 2] == level.changes(since=2)


def test_a_preview_says_what_a_refresh_does(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    level = hourly(tmp_path)
    assert [change.pane for change in level.preview()] == ["early"] * 67
    assert level.connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    level.refresh()
    write_events(tmp_path / "1.parquet", 90, 120)
    before = everything(level.connection)
    foreseen = level.preview()
    assert everything(level.connection) == before
    level.refresh()
    done = [(c.batch, c.bucket, c.rows, c.pane == "late") for c in level.changes(since=1) if c.rows]
    assert [(c.batch, c.bucket, c.rows, c.pane == "late") for c in foreseen] == done
    assert level.preview() == []


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"late": "ignore"}, RollupError),
        ({"allowed_lateness": "soon"}, SpecificationError),
        ({"allowed_lateness": "1 month"}, SpecificationError),
    ],
)
def test_bad_options_are_refused(option: dict[str, Any], error: type[Exception]) -> None:
    with duckdb_sketch.connect() as connection, pytest.raises(error, match=r"merge, drop or error|hour|days"):
        hourly(Path(), database=connection, **option)
