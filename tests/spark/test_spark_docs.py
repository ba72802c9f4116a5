"""The blocks of `docs/SPARK.md` that need Spark run, and print what the comments behind them say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fences import blocks
from processes import PROJECT

pytestmark = pytest.mark.spark

GUIDE = PROJECT / "docs" / "SPARK.md"


def test_the_guide_runs(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    namespace: dict[str, Any] = {"spark": spark, "print": lambda *values: printed.append(" ".join(map(str, values)))}
    ran = [block for block in blocks(GUIDE) if block.options == "no-run: needs Spark, make test-spark runs it"]
    for block in ran:
        # Spark's own folder is another than that of this process.
        code = block.code.replace('parquet("', f'parquet("{tmp_path}/').replace(
            '"checkpoint"', f'"{tmp_path}/checkpoint"'
        )
        exec(compile("\n" * block.line + code, str(GUIDE), "exec"), namespace)
    assert len(ran) == 5
    said = re.findall(r"print\(.*\)  # (\d+)", "\n".join(block.code for block in ran))
    assert printed[: len(said)] == said
    median, users = (float(re.search(r"=([\d.]+)", text)[1]) for text in printed[len(said) :])  # type: ignore[index]
    assert median == pytest.approx(6, rel=0.05)
    assert users == pytest.approx(5003, rel=0.05)
