"""Other processes and environments, for the tests that need them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).parent.parent
# Taken before any fixture changes it: pip and cargo find their caches and toolchains by HOME.
OUTSIDE = dict(os.environ)


def run_python(code: str, *, path: Path = PROJECT, python: str | Path = sys.executable, **environment: str) -> str:
    """Run `code` in a process of its own that finds modules in `path` first; return what it prints."""
    process = subprocess.run(
        [python, "-c", code],
        cwd=path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def new_environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], env=OUTSIDE, check=True)
    return python
