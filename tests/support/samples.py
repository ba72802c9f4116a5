"""Parameters of which the fast tests try a few, and `make test-slow` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few_fast(parameters: Iterable[Any], *fast: Any) -> list[Any]:
    """Mark all parameters slow but the `fast` ones, which have to be among them."""
    parameters = list(parameters)
    missing = [parameter for parameter in fast if parameter not in parameters]
    assert not missing, f"not among the parameters: {missing}"
    return [each if each in fast else pytest.param(each, marks=pytest.mark.slow) for each in parameters]
