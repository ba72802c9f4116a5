"""`python -m extension_file.wheels`: build the sdist, from it the manylinux wheels, and have auditwheel check them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from extension_file.target import ENVIRONMENT, MANYLINUX, Target

_PROJECT = Path(__file__).parent.parent


def main() -> None:
    """Build a wheel for each target whose standard library rustc has; say which it lacks."""
    folder = _PROJECT / "dist"
    built = 0
    with tempfile.TemporaryDirectory() as scratch:
        # Not from the working copy, whose extension is for this machine.
        source = _unpacked_sdist(folder, Path(scratch))
        for triple, target in MANYLINUX.items():
            if not _has_standard_library(str(triple)):
                print(f"{triple}: skipped, because rustc lacks its standard library: rustup target add {triple}")
                continue
            wheel = _build(source, target, folder)
            _check(wheel, target)
            print(f"{wheel.relative_to(_PROJECT)}: checked by auditwheel")
            built += 1
    if not built:
        sys.exit("No wheel was built.")


def _unpacked_sdist(folder: Path, scratch: Path) -> Path:
    build: list[str | Path] = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, _PROJECT]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    sdist = max(folder.glob("duckdb_sketch-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with tarfile.open(sdist) as archive:
        archive.extractall(scratch, filter="data")
    (source,) = scratch.iterdir()
    return source


def _has_standard_library(triple: str) -> bool:
    shown = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", triple], capture_output=True, text=True, check=True
    )
    return any(Path(shown.stdout.strip()).glob("libstd-*"))


def _build(source: Path, target: Target, folder: Path) -> Path:
    pip: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    environment = {**os.environ, ENVIRONMENT: str(target.triple), "DUCKDB_SKETCH_REQUIRE_NATIVE": "1"}
    subprocess.run([*pip, "--wheel-dir", folder, source], env=environment, check=True)
    (wheel,) = folder.glob(f"duckdb_sketch-*-{target.wheel}.whl")
    return wheel


def _check(wheel: Path, target: Target) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", wheel], capture_output=True, text=True, check=True
    ).stdout
    allowed = re.search(r'"(manylinux_\d+_\d+_\w+)"', " ".join(shown.split()))
    if allowed is None or _glibc(allowed[1]) > _glibc(target.wheel):
        sys.exit(f"{wheel.name} needs more than its tag says:\n{shown}")


def _glibc(tag: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", tag)[:2])


if __name__ == "__main__":
    main()
