"""The time of each question over each store, and how far its answer is off."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from benchmarks.study.stores import SUMS, Store
from benchmarks.study.subject import Question, Subject

EXACT = "raw, Parquet"
APPROXIMATE = "raw, Parquet, by sketches"


def ask_everything(subject: Subject, stores: list[Store], runs: int) -> dict[str, Any]:
    """By question and store: the best of `runs` after a warm-up, and the largest relative error of an answer."""
    return {question.name: _ask(question, stores, runs) for question in subject.questions()}


def _ask(question: Question, stores: list[Store], runs: int) -> dict[str, Any]:
    raw, *rollups = stores
    truth, exact = _time(question, question.exact, raw, runs)
    found = {EXACT: {"seconds": exact}}
    ways = [(store.name, question.rolled_up, store) for store in rollups if store.name != SUMS]
    if question.approximate != question.exact:
        ways.insert(0, (APPROXIMATE, question.approximate, raw))
    for name, sql, store in ways:
        answer, seconds = _time(question, sql, store, runs)
        found[name] = {"seconds": seconds, "error": _largest_error(answer, truth)}
    return found


def _time(question: Question, sql: str, store: Store, runs: int) -> tuple[list[tuple[Any, ...]], float]:
    best = float("inf")
    with store.open() as con:
        for run in range(runs + 1):
            start = perf_counter()
            rows = con.execute(sql).fetchall()
            if run:
                best = min(best, perf_counter() - start)
    # What is compared, and what labels it.
    return [(row[question.answer], *row[: question.answer]) for row in rows], best


def _largest_error(answer: list[tuple[Any, ...]], truth: list[tuple[Any, ...]]) -> float:
    """The largest of the relative errors, over the answers that both have."""
    found, exact = _by_label(answer), _by_label(truth)
    both = found.keys() & exact.keys()
    return max(abs(found[label] - exact[label]) / max(abs(exact[label]), 1e-9) for label in both)


def _by_label(answer: list[tuple[Any, ...]]) -> dict[Any, float]:
    """The answers by their labels; those without one by their position."""
    return {tuple(label) or position: float(value) for position, (value, *label) in enumerate(answer)}
