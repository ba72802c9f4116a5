"""What to write in the place of an aggregate that does not merge. Pure."""

from __future__ import annotations

from duckdb_sketch.families import answering

_INSTEAD = {
    "avg": "sum(x) and count(x), and divide where you read them",
    "mean": "sum(x) and count(x), and divide where you read them",
    "stddev": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "stddev_samp": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "stddev_pop": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "var_samp": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "var_pop": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "variance": "sum(x), sum(x * x) and count(x), and combine them where you read them",
    "first": "min(x) or max(x), which do not depend on the order of rows",
    "last": "min(x) or max(x), which do not depend on the order of rows",
    "any_value": "min(x) or max(x), which do not depend on the order of rows",
    "arbitrary": "min(x) or max(x), which do not depend on the order of rows",
    "product": "sum(ln(x)), and exp(…) where you read it",
}
_LIKE = {"mode": "median"}  # by aggregates that no state answers, those whose answer tells as much


def substitute_of(aggregate: str, argument: str = "x") -> str | None:
    """What to write for an aggregate that does not merge; None if nothing stands in for it."""
    if aggregate in _INSTEAD:
        return _INSTEAD[aggregate]
    for family, answer in answering(_LIKE.get(aggregate, aggregate)):
        return f"{family.build.call(argument)}, and {answer.function}(…) where you read it"
    return None
