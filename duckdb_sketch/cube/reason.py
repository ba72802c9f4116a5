"""Why something cannot answer a query. The list is closed, and documented in docs/CUBE.md; each reason has a test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a rollup, or no rollup at all, answers a SELECT over events. The value is what `explain` prints."""

    # of the SELECT: no rollup can answer it
    NOT_AGGREGATED = "the SELECT does not aggregate: single events are in no rollup"
    JOINED = "the events are joined with something that no rollup joins"
    SAMPLED = "a sample of events is not a sample of groups"
    VOLATILE = "a function gives another result with each call"
    UNSUPPORTED = "the SELECT has a clause or a subquery that is not routed"

    # of a rollup or one of its levels
    OTHER_WHERE = "it holds only some of the events"
    OTHER_JOINS = "it joins other lookup tables"
    OTHER_ZONE = "its buckets are of another time zone"
    NO_DIMENSION = "it has no such dimension"
    NO_METRIC = "no metric of it answers an aggregate"
    METRIC_FILTER = "the metric has a FILTER that the query does not imply"
    TIME_TOO_FINE = "its buckets are too coarse"
    NO_WHOLE_BUCKET = "the time range holds no whole bucket of it"
    APPROXIMATE = "it would have to approximate, and exact answers were asked for"
    LAGS = "it does not include the last batches of the rollup that it is built from"
    CHANGED_FILE = "a file changed after it was counted"
    MISSING_EVENTS = "it lacks events that are in no file"
    EXPIRED = "its buckets have expired"
    DROPPED = "late events were dropped from it"
    DEARER = "another one reads less"


@dataclass(frozen=True)
class Rejection:
    """What does not answer a SELECT, and why.

    Attributes:
        name: The rollup or level; None if the reason holds for all of them.
        reason: The reason.
        detail: What it is about: a column, an aggregate, a file.
    """

    name: str | None
    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        text = self.reason.value + (f": {self.detail}" if self.detail else "")
        return f"{self.name}: {text}" if self.name else text


class RejectedError(Exception):
    """Raised while a rollup is matched to a SELECT, and caught by the planner; it never reaches a caller."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def of(self, name: str | None) -> Rejection:
        """The rejection of a rollup."""
        return Rejection(name, self.reason, self.detail)
