"""`make asan`: the SQL tests, the examples of the reference and changed images, with an extension that AddressSanitizer
watches, and with DuckDB's memory where it sees it too.

Rust's nightly compiler brings the instrumentation and GCC the runtime. Ends with 0 where one of them is missing, and
says so; with 1 if anything fails or is reported.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from leaks import SCRIPT
from processes import PROJECT

from extension_file.build import write_extension
from extension_file.compiler import crate_version
from extension_file.platforms import duckdb_platform

FOLDER = PROJECT / "build" / "asan"
CASES = 1_000_000
"""Of changed images, by default."""
TESTS = [
    "functions",
    "druid",
    "flights/test_sql.py",
    "host/test_interrupts.py",
]
SEEN = """
import re, duckdb, duckdb_sketch
duckdb_sketch.load(duckdb.connect(config={"allow_unsigned_extensions": "true"}))
maps = open("/proc/self/maps").read()
assert duckdb_sketch.__file__.startswith(FOLDER), duckdb_sketch.__file__
assert "libasan" in maps and f"{FOLDER}/duckdb_sketch/duckdb_sketch.duckdb_extension" in maps
"""


def main(cases: int) -> int:
    """Build, then run everything; the exit code."""
    runtime = [_of_gcc("libasan.so"), _of_gcc("libstdc++.so")]
    host = re.search("(?m)^host: (.*)$", _output(["rustc", "+nightly", "-vV"]))
    if not host or not all(runtime):
        print("There is no nightly Rust, or no libasan of GCC: nothing ran under AddressSanitizer.")
        return 0
    _build(host[1])
    # Leaks are for valgrind: Python and DuckDB keep too much. A small quarantine, as tests look at how memory grows.
    options = "detect_leaks=0:quarantine_size_mb=16"
    environment = {
        **os.environ,
        "ASAN_OPTIONS": options,
        "HOME": str(FOLDER / "home"),  # where `connect` installs it
        "LD_PRELOAD": ":".join([*runtime, str(FOLDER / "allocator.so")]),
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join(map(str, [FOLDER, Path(__file__).parent])),
    }
    pytest = ["-m", "pytest", "-p", "no:cacheprovider", "-c", str(PROJECT / "pyproject.toml")]
    failed = False
    for arguments in [
        ["-c", f"FOLDER = {str(FOLDER)!r}\n{SEEN}"],
        ["-c", SCRIPT],
        [*pytest, *(str(PROJECT / "tests" / path) for path in TESTS)],
        ["-m", "fuzzing", str(cases)],
    ]:
        failed |= subprocess.run([sys.executable, *arguments], env=environment, cwd=FOLDER, check=False).returncode != 0
    print("FAILED under AddressSanitizer" if failed else "nothing was reported by AddressSanitizer")
    return int(failed)


def _build(host: str) -> None:
    """Put the instrumented extension into a copy of the package, and what is preloaded beside it."""
    crate = PROJECT / "extension"
    cargo = ["cargo", "+nightly", "build", "--profile", "fuzz", "--lib", "--target", host]
    environment = {**os.environ, "RUSTFLAGS": "-Zsanitizer=address"}
    subprocess.run([*cargo, "--manifest-path", crate / "Cargo.toml"], env=environment, check=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(PROJECT / "duckdb_sketch", FOLDER / "duckdb_sketch")
    (FOLDER / "home").mkdir()
    target = Path(os.environ.get("CARGO_TARGET_DIR", crate / "target"))
    library = (target / host / "fuzz" / "libduckdb_sketch.so").read_bytes()
    write_extension(FOLDER / "duckdb_sketch", library, crate_version(crate), duckdb_platform())
    allocator = Path(__file__).with_name("allocator.c")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", FOLDER / "allocator.so", allocator], check=True)


def _of_gcc(library: str) -> str:
    """The path of a library that belongs to GCC, or nothing."""
    path = _output(["gcc", f"-print-file-name={library}"])
    return path if os.path.isabs(path) else ""


def _output(command: list[str]) -> str:
    """What a command prints; nothing if it fails, or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else CASES))
