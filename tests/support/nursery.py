"""A process that has imported everything, and forks a child for each command: imports take longer than most commands.

Also a script, which reads a line of JSON for each command, and answers with a line when it has ended. A command is one
of `crashing.py`, or the command line itself.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).parents[2]
# Not that of the test that comes first: what is imported may write into its home.
_ENVIRONMENT = dict(os.environ)


class Nursery:
    """Runs commands, one after the other, each in a process of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, program: str, arguments: Sequence[str], errors: Path, output: Path = Path(os.devnull)) -> int:
        """Run a command to its end, in the folder and with the environment of this process.

        Args:
            program: `crashing` or `duckdb-sketch`.
            arguments: The arguments of it.
            errors: The file that its standard error goes to.
            output: The file that its standard output goes to.

        Returns:
            Its exit code, or less than 0 if a signal ended it.
        """
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {
            "program": program,
            "arguments": [str(argument) for argument in arguments],
            "files": [os.devnull, str(output), str(errors)],
            "folder": os.getcwd(),
            "environment": dict(os.environ),
        }
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        folders = [str(_PROJECT), str(Path(__file__).parent), _ENVIRONMENT.get("PYTHONPATH")]
        path = os.pathsep.join(filter(None, folders))
        return subprocess.Popen(
            [sys.executable, __file__],
            cwd=_PROJECT,
            env={**_ENVIRONMENT, "PYTHONPATH": path},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )


NURSERY = Nursery()


def _prepare() -> None:
    """Import what commands import; nothing here may connect, as threads do not survive a fork."""
    import crashing  # noqa: F401
    import jobs  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: F401

    import duckdb_sketch.cli
    import duckdb_sketch.cube
    import duckdb_sketch.rollup

    for module in pkgutil.walk_packages(duckdb_sketch.cli.__path__, "duckdb_sketch.cli."):
        importlib.import_module(module.name)
    with suppress(ImportError):
        import pydantic.type_adapter  # noqa: F401  # which typer imports if it is there, once it parses options


def _run(command: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _as_child(command)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _as_child(command: dict[str, Any]) -> int:
    """What the interpreter does with a script, and what the script does."""
    import crashing

    import duckdb_sketch.cli

    for descriptor, path in enumerate(command["files"]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    sys.argv = [command["program"], *command["arguments"]]
    try:
        (crashing.main if command["program"] == "crashing" else duckdb_sketch.cli.main)()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    _prepare()
    for line in sys.stdin:
        print(_run(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
