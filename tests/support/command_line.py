"""The command line, run by itself."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from nursery import NURSERY


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        code = NURSERY.run("duckdb-sketch", arguments, errors, output)
        return subprocess.CompletedProcess(arguments, code, output.read_text("utf-8"), errors.read_text("utf-8"))
