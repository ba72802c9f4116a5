"""What a build is for: this machine, or another one that rustc and zig can build for."""

from __future__ import annotations

import os
from dataclasses import dataclass

from extension_file.platforms import duckdb_platform, library_name, wheel_platform

ENVIRONMENT = "DUCKDB_SKETCH_TARGET"


@dataclass(frozen=True)
class Target:
    """A platform.

    Attributes:
        triple: rustc's name of it; None for this machine, without `--target`.
        library: The name that cargo gives the library.
        duckdb: DuckDB's name, such as `linux_amd64`.
        wheel: Of the wheel's tag, such as `manylinux_2_17_x86_64`.
        zig: zig's name, with the oldest glibc that the library is to load with; None to link as rustc does.
    """

    triple: str | None
    library: str
    duckdb: str
    wheel: str
    zig: str | None = None


MANYLINUX = {
    target.triple: target
    for target in (
        Target(
            triple=f"{machine}-unknown-linux-gnu",
            library="libduckdb_sketch.so",
            duckdb=f"linux_{duckdb}",
            wheel=f"manylinux_2_17_{machine}",
            zig=f"{machine}-linux-gnu.2.17",
        )
        for machine, duckdb in (("x86_64", "amd64"), ("aarch64", "arm64"))
    )
}
"""Those of `make wheels`: Linux with glibc 2.17 or later, which is what Rust's standard library needs."""


def chosen_target() -> Target:
    """That of `MANYLINUX` which the environment names, or this machine.

    Raises:
        NoToolchainError: If DuckDB has no extensions for this machine.
        ValueError: If the environment names another.
    """
    triple = os.environ.get(ENVIRONMENT)
    if not triple:
        return Target(None, library_name(), duckdb_platform(), wheel_platform())
    if triple not in MANYLINUX:
        raise ValueError(f"{ENVIRONMENT} is {triple}: it may be {' or '.join(map(str, MANYLINUX))}")
    return MANYLINUX[triple]
