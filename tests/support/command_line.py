"""The command line, run by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("duckdb-sketch")
    return subprocess.run([command, *arguments], capture_output=True, text=True)
