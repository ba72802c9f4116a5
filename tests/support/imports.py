"""Which package imports which: `python tests/support/imports.py` prints how often."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Modules that every package of `rollup` may use.
BASE = "rollup.base"
_BASE_MODULES = ("access", "errors", "memory", "query", "settings")


def package_of(module: str) -> str:
    """The package of a module: two names deep below `rollup`, else one; modules by themselves are `duckdb_sketch`."""
    parts = module.split(".")[1:]
    if parts[:1] == ["rollup"] and parts[1:] and parts[1] in _BASE_MODULES:
        return BASE
    folder = ROOT / "duckdb_sketch"
    found = "duckdb_sketch"
    for part in parts[:2]:
        folder /= part
        if not folder.is_dir() or (found not in ("duckdb_sketch", "rollup")):
            break
        found = part if found == "duckdb_sketch" else f"{found}.{part}"
    return found


def imports() -> Counter[tuple[str, str]]:
    """How many modules of one package import how many of another, by the two packages."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted((ROOT / "duckdb_sketch").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for target in _targets(path):
            pair = package_of(module), package_of(target)
            if pair[0] != pair[1]:
                counts[pair] += 1
    return counts


def _targets(path: Path) -> set[str]:
    """The modules of this project that a file imports when it is imported, or for its types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("duckdb_sketch"):
            found |= {
                f"{node.module}.{name.name}" if _is_module(f"{node.module}.{name.name}") else node.module
                for name in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("duckdb_sketch")}
    return found


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def main() -> None:
    """Print each pair of packages, and the totals."""
    counts = imports()
    for (one, other), count in sorted(counts.items()):
        print(f"{one} -> {other}: {count}")
    inside = {pair: count for pair, count in counts.items() if all(name.startswith("rollup") for name in pair)}
    print(f"packages: {len({name for pair in counts for name in pair})}, pairs: {len(counts)}")
    print(f"within rollup: {len(inside)} pairs of packages, {sum(inside.values())} imports")


if __name__ == "__main__":
    sys.exit(main())
