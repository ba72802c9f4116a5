"""How text files are declared to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from duckdb_sketch.rollup.sources.evidence import PLAIN, Formats


@dataclass(frozen=True)
class Written:
    """How text is declared to be written.

    Attributes:
        types: The types of columns, by name in lower case.
        formats: How it writes dates and numbers.
        all_text: Whether columns that no type is declared of are VARCHAR.
        ignore_errors: Whether rows that cannot be read are left out.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    formats: Formats = PLAIN
    all_text: bool = False
    ignore_errors: bool = False
