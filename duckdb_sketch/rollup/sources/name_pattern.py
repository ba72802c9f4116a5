"""A part of a pattern between two slashes: a name, or a pattern of names."""

from __future__ import annotations

import fnmatch
import os
import re

from duckdb_sketch._glob import MAGIC


class NamePart:
    """Such a part.

    Attributes:
        text: The part as it is written.
        any_folders: Whether it stands for folders at any depth.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.any_folders = text == "**"
        self._match = re.compile(fnmatch.translate(text)).match
        self._has_hidden = is_hidden(text) or text.startswith(("[_", "[."))
        self._is_name = not MAGIC.search(text)
        self._may_be_name = self._is_name or not self._match(text)

    def is_name(self, folder: str) -> bool:
        """Whether it is a name in this folder: it has none of `*?[`, or is `z[1]`, which exists and which it misses."""
        return self._is_name or (self._may_be_name and os.path.lexists(os.path.join(folder, self.text)))

    def matches(self, name: str) -> bool:
        """Whether a name is one of the pattern's."""
        return (self._has_hidden or not is_hidden(name)) and self._match(name) is not None


def is_hidden(name: str) -> bool:
    """Whether a name is that of a file in the making; `_year=2026` is a folder of a partition."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)
