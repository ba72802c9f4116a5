"""`make wheels` and the workflows: what is built for which platform, and how zig is called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from processes import PROJECT

from extension_file import zig
from extension_file.target import ENVIRONMENT, MANYLINUX, chosen_target
from extension_file.wheels import _glibc


def test_this_machine_is_the_target_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    target = chosen_target()
    assert (target.triple, target.zig) == (None, None)


@pytest.mark.parametrize(
    ("triple", "duckdb", "wheel"),
    [
        ("x86_64-unknown-linux-gnu", "linux_amd64", "manylinux_2_17_x86_64"),
        ("aarch64-unknown-linux-gnu", "linux_arm64", "manylinux_2_17_aarch64"),
    ],
)
def test_the_environment_names_another(monkeypatch: pytest.MonkeyPatch, triple: str, duckdb: str, wheel: str) -> None:
    monkeypatch.setenv(ENVIRONMENT, triple)
    target = chosen_target()
    assert (target.triple, target.duckdb, target.wheel) == (triple, duckdb, wheel)
    assert target.zig == triple.replace("unknown-", "") + ".2.17"


def test_a_target_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "riscv64gc-unknown-linux-gnu")
    with pytest.raises(ValueError, match=f"may be {' or '.join(map(str, MANYLINUX))}"):
        chosen_target()


def test_what_rustc_gives_its_linker_as_zig_takes_it() -> None:
    given = ["-Wl,--version-script=list", "-lgcc_s", "-lc", "-Wl,--no-undefined-version", "-o", "lib.so"]
    assert zig.arguments(given) == ["-Wl,--version-script=list", "-lunwind", "-lc", "-o", "lib.so"]


def test_the_linker_is_a_program(tmp_path: Path) -> None:
    linker = zig.write_linker(tmp_path / "it's here", "x86_64-linux-gnu.2.17")
    assert os.access(linker, os.X_OK)
    done = subprocess.run([linker, "--version"], capture_output=True, text=True)
    assert "extension_file.zig" not in done.stderr, "the module is found from everywhere"


@pytest.mark.parametrize(("tag", "glibc"), [("manylinux_2_17_x86_64", (2, 17)), ("manylinux_2_5_aarch64", (2, 5))])
def test_the_glibc_of_a_tag(tag: str, glibc: tuple[int, int]) -> None:
    assert _glibc(tag) == glibc


def test_workflows_use_the_versions_of_the_project() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    development = re.search(r"^RUST_DEVELOPMENT := (\S+)$", makefile, re.MULTILINE)
    assert development
    manifest = (PROJECT / "extension" / "Cargo.toml").read_text(encoding="utf-8")
    least = re.search(r'^rust-version = "(.+)"$', manifest, re.MULTILINE)
    assert least
    for path in (PROJECT / ".github" / "workflows").glob("*.yml"):
        installed = set(re.findall(r"rustup toolchain install (\S+)", path.read_text(encoding="utf-8")))
        assert installed <= {development[1], least[1]}, path.name
