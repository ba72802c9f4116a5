"""zig as the linker of rustc: one that has the symbols of every glibc, and links for the oldest.

rustc calls one program as its linker, so `write_linker` writes one, which calls this module.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

_PROJECT = Path(__file__).parent.parent
# zig's own: libunwind instead of libgcc_s, no start files of a C compiler's, and not what lld does not know.
_INSTEAD = {"-lgcc_s": "-lunwind"}
_WITHOUT = ("--target=", "-Wl,--no-undefined-version", "-nostartfiles")


def write_linker(folder: Path, target: str) -> Path:
    """Write a program that links for `target`, such as `x86_64-linux-gnu.2.17`.

    Returns:
        Its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"zig-{target}"
    python, project = shlex.quote(sys.executable), shlex.quote(str(_PROJECT))
    call = f'PYTHONPATH={project} exec {python} -m extension_file.zig {target} "$@"'
    path.write_text(f"#!/bin/sh\n{call}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def arguments(given: list[str]) -> list[str]:
    """What rustc gives a linker, as zig takes it."""
    return [_INSTEAD.get(one, one) for one in given if not one.startswith(_WITHOUT)]


if __name__ == "__main__":
    target, *given = sys.argv[1:]
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, *arguments(given)]
    sys.exit(subprocess.run(command, check=False).returncode)
