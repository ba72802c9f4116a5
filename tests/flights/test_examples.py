"""The examples run, and come out right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from processes import PROJECT

pytestmark = pytest.mark.newest_duckdb


@pytest.mark.slow
def test_the_flights_job(tmp_path: Path) -> None:
    job = PROJECT / "examples" / "flights" / "job.py"
    done = subprocess.run([sys.executable, job, tmp_path / "job"], capture_output=True, text=True, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert "19 hours were final, and changed: 2013-01-15 05:00:00 to 2013-01-15 23:00:00" in done.stdout
    assert "flights_hourly: 365 files, 336,776 rows" in done.stdout  # the replay
    assert "the same, byte for byte" in done.stdout
    assert "flights_hourly: as promised" in done.stdout
    assert "12 partitions written" in done.stdout
    assert "2013-12: 28,135 flights" in done.stdout


@pytest.mark.thorough
def test_the_gallery(tmp_path: Path) -> None:
    gallery = PROJECT / "examples" / "pictures" / "gallery.py"
    subprocess.run([sys.executable, gallery, tmp_path / "gallery.png"], check=True, capture_output=True)
    assert (tmp_path / "gallery.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
