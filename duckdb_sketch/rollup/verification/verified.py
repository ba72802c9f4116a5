"""What a verification found: a rollup's rows beside what its files say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from duckdb_sketch._text import counted


@dataclass(frozen=True)
class Group:
    """A row of a rollup.

    Attributes:
        bucket: The bucket's start, without a zone: in UTC if the rollup's buckets are TIMESTAMPTZ.
        dimensions: The values of its other columns grouped by.
    """

    bucket: datetime
    dimensions: dict[str, Any]

    def __str__(self) -> str:
        return ", ".join([str(self.bucket), *(f"{name} {value!r}" for name, value in self.dimensions.items())])


@dataclass(frozen=True)
class Groups:
    """Groups that should not be as they are.

    Attributes:
        count: How many.
        example: The first of them; None if there is none.
    """

    count: int
    example: Group | None


@dataclass(frozen=True)
class Difference:
    """A value that is not what the files say.

    Attributes:
        group: Where.
        stored: What the rollup holds; of a sketch its estimate, of a histogram its count and extremes. None also
            where it holds no sketch at all.
        exact: What the files say.
    """

    group: Group
    stored: Any
    exact: Any

    def __str__(self) -> str:
        return f"{self.group}: {self.stored} is stored, and the files say {self.exact}"


@dataclass(frozen=True)
class VerifiedColumn:
    """A metric whose values are to be the same as the rebuilt ones.

    Sums of floating point numbers may differ in the last digits, which depend on the order of addition.

    Attributes:
        name: The column's name.
        aggregate: The aggregate's name.
        groups: How many groups were compared.
        differ: In how many of them it differs. What is compared of a sketch is its bytes, of a histogram the number
            of its values, the least and the greatest.
        example: The first difference; None if there is none.
    """

    name: str
    aggregate: str
    groups: int
    differ: int
    example: Difference | None

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        return not self.differ

    def lines(self) -> Iterator[str]:
        """What to say of it."""
        yield f"{self.name}, {self.aggregate}: {self.groups - self.differ:,} of {self.groups:,} groups are the same"
        if self.example is not None:
            yield f"  {self.example}"


@dataclass(frozen=True)
class DistinctColumn(VerifiedColumn):
    """A column of HyperLogLog sketches, beside exact distinct counts.

    Errors are those of the estimates, relative to the exact counts, of groups that have values.

    Attributes:
        mean_error: Their mean; None without such a group.
        worst_error: The greatest; None without such a group.
        expected_error: The standard error that the precision promises, 1.04 / sqrt(2^lg_k).
        within_2: In how many groups the exact count lies within two standard deviations of the estimate.
        within_3: In how many within three.
    """

    mean_error: float | None
    worst_error: float | None
    expected_error: float | None
    within_2: int
    within_3: int

    def lines(self) -> Iterator[str]:
        """What to say of it."""
        yield from super().lines()
        if self.mean_error is not None and self.worst_error is not None and self.expected_error is not None:
            yield (
                f"  error {self.mean_error:.2%} on average, {self.worst_error:.2%} at worst; one standard error is "
                f"{self.expected_error:.2%}"
            )
        yield f"  the exact count is within 2 deviations in {self.within_2:,} groups, within 3 in {self.within_3:,}"


@dataclass(frozen=True)
class QuantileError:
    """How far the estimates of one quantile are off, over all groups that have values.

    The rank error is the distance between the fraction asked for and the fraction of the values up to the answer.

    Attributes:
        q: The fraction.
        groups: How many groups have values.
        mean: The mean rank error; None without a group.
        worst: The greatest.
        equal: In how many groups the estimate is the exact quantile.
        inside: In how many groups the exact quantile lies in the bracket that is proven to hold it: in all.
    """

    q: float
    groups: int
    mean: float | None
    worst: float | None
    equal: int
    inside: int


@dataclass(frozen=True)
class DistributionColumn(VerifiedColumn):
    """A column of approximate histograms, beside the exact quantiles.

    Attributes:
        quantiles: How far each is off.
    """

    quantiles: tuple[QuantileError, ...]

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        return not self.differ and all(quantile.inside == quantile.groups for quantile in self.quantiles)

    def lines(self) -> Iterator[str]:
        """What to say of it."""
        yield from super().lines()
        for found in self.quantiles:
            if found.mean is None or found.worst is None:
                continue
            yield (
                f"  quantile {found.q}: rank off by {found.mean:.2%} on average, {found.worst:.2%} at worst; exact in "
                f"{found.equal:,} groups, in its bracket in {found.inside:,} of {found.groups:,}"
            )


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    Attributes:
        rollup: The rollup or level.
        buckets: The buckets that were rebuilt, as the ledger holds times.
        groups: How many groups are in them, in the rollup as in the files.
        columns: What was found of each metric, in the order of the table.
        missing: Groups that the files have and the rollup has not.
        unexpected: Groups that the rollup has and the files have not.
        repeated: Groups that the rollup has more than once.
        wrong: What is wrong with how files were counted: values that the type of their column changes, a file that was
            counted under two names. One sentence each.
        skipped_appended: How many buckets cannot be rebuilt, as they hold appended rows, which no file has.
        skipped_files: How many cannot be, as a file that has rows of them changed or is gone.
        notes: What is to be known besides.
    """

    rollup: str
    buckets: tuple[datetime, ...]
    groups: int
    columns: tuple[VerifiedColumn, ...]
    missing: Groups
    unexpected: Groups
    repeated: Groups
    skipped_appended: int
    skipped_files: int
    wrong: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is within what is promised.

        It is not if there are buckets, and none of them could be rebuilt: then nothing is known. Estimates of
        distinct counts that are far off are no fault, as long as the sketch is the one that the values make.
        """
        if self.wrong:
            return False
        if not self.buckets:
            return not (self.skipped_appended or self.skipped_files)
        whole = not (self.missing.count or self.unexpected.count or self.repeated.count)
        return whole and all(column.ok for column in self.columns)

    def column(self, name: str) -> VerifiedColumn:
        """What was found of a metric.

        Raises:
            KeyError: If there is no metric of this name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.rollup} has no metric {name}; it has {', '.join(c.name for c in self.columns)}")

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        known = self.buckets or self.wrong
        verdict = "as promised" if self.ok else "NOT as promised" if known else "nothing could be compared"
        rebuilt = f"{counted(len(self.buckets), 'bucket')} with {counted(self.groups, 'group')} rebuilt"
        yield f"{self.rollup}: {verdict}; {rebuilt}"
        yield from self.wrong
        for column in self.columns:
            yield from column.lines()
        for what, found in (
            ("in the files, and not in the rollup", self.missing),
            ("in the rollup, and not in the files", self.unexpected),
            ("more than once in the rollup", self.repeated),
        ):
            if found.count:
                yield f"{counted(found.count, 'group')} {what}, such as {found.example}"
        if self.skipped_appended:
            yield f"{counted(self.skipped_appended, 'bucket')} skipped: with appended rows, which no file has"
        if self.skipped_files:
            yield f"{counted(self.skipped_files, 'bucket')} skipped: with rows of files that changed or are gone"
        yield from self.notes
