"""`duckdb-sketch plot`."""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duckdb_sketch._sql import identifier
from duckdb_sketch.cli.options import SketchFile, TimeColumn, Where
from duckdb_sketch.errors import InvalidInputError, SketchError
from duckdb_sketch.families import DistinctCount, Distribution, Reading
from duckdb_sketch.selection import Selection, one_column
from duckdb_sketch.sketch_file import opened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DOTS_PER_INCH = 150
_FORMATS = (".png", ".svg", ".pdf")


class Picture(str, Enum):
    """What to draw."""

    histogram = "histogram"
    cdf = "cdf"
    quantiles = "quantiles"
    uniques = "uniques"
    bands = "bands"
    envelope = "envelope"

    @property
    def reading(self) -> type[Reading]:
        """What the states that it is drawn of are read as."""
        return DistinctCount if self is Picture.uniques else Distribution

    @classmethod
    def of(cls, reading: Reading) -> Picture:
        """What to draw of states by default.

        Raises:
            InvalidInputError: If there is no picture of such states.
        """
        if isinstance(reading, DistinctCount):
            return cls.uniques
        if isinstance(reading, Distribution):
            return cls.histogram
        raise InvalidInputError("there is no picture of these sketches: duckdb-sketch show prints what they say")


class Scale(str, Enum):
    """Of the axis of values of a histogram, a CDF or quantiles."""

    auto = "auto"
    linear = "linear"
    log = "log"


def plot(
    file: SketchFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture: .png, .svg or .pdf.", show_default=False)
    ],
    kind: Annotated[
        Picture | None,
        typer.Option("--kind", "-k", help="Default: uniques for distinct counts, histogram for distributions."),
    ] = None,
    column: Annotated[str | None, typer.Option(help="The column of sketches, if there are several.")] = None,
    table: Annotated[str | None, typer.Option(help="Its table, if there are several.")] = None,
    time: TimeColumn = None,
    where: Where = None,
    every: Annotated[
        str | None,
        typer.Option(help="Width of a bucket: hour, day, '15 minutes'. By default as narrow as the picture can show."),
    ] = None,
    scale: Annotated[Scale, typer.Option(help="Scale of the axis of values; auto depends on the values.")] = Scale.auto,
    label: Annotated[str | None, typer.Option(help="Label of the values, such as 'delay, minutes'.")] = None,
    title: Annotated[str | None, typer.Option(help="The title.")] = None,
    size: Annotated[str, typer.Option(help="Width and height, in inches.")] = "8x4.5",
) -> None:
    """Draw the sketches of a rollup: a distribution, uniques or quantiles over time, or the daily cycle."""
    if output.suffix.lower() not in _FORMATS:
        raise InvalidInputError(f"{output}: a picture is {', '.join(_FORMATS)}")
    inches = re.fullmatch(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)", size)
    if not inches or not all(1 <= float(side) <= 100 for side in inches.groups()):
        raise InvalidInputError(f"--size {size}: write width and height in inches, 1 to 100, such as 8x4.5")
    from duckdb_sketch.plot.requirements import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure

    from duckdb_sketch.plot.style import TITLE

    figure = Figure(figsize=(float(inches[1]), float(inches[2])), dpi=_DOTS_PER_INCH, layout="constrained")
    ax = figure.subplots()
    if title is not None:
        ax.set_title(title, **TITLE)
    with opened(file) as (connection, columns):
        chosen, family = one_column(connection, columns, table, column, kind.reading if kind else None)
        selection = Selection(connection, chosen, family, where or "true").checked()
        picture = kind or Picture.of(family.reading)
        _draw(ax, picture, selection, time, every, scale.value, label or chosen.name)
    image = BytesIO()
    figure.savefig(image, format=output.suffix[1:])
    try:
        _write(output, image.getvalue())
    except OSError as error:
        raise SketchError(f"cannot write {output}: {error.strerror}") from error


def _write(output: Path, image: bytes) -> None:
    """Write a picture; on a full disk, nothing is left behind, and an existing picture stays."""
    part = output.with_name(f".{output.name}.tmp")
    try:
        part.write_bytes(image)
        part.replace(output)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _draw(
    ax: Axes,
    picture: Picture,
    selection: Selection,
    time: str | None,
    every: str | None,
    scale: str,
    label: str,
) -> None:
    from duckdb_sketch import plot
    from duckdb_sketch.rollup.specification.granularity import Granularity

    one = {Picture.histogram: plot.histogram, Picture.cdf: plot.cdf, Picture.quantiles: plot.quantiles}
    if picture in one:
        one[picture](selection.united(), ax, scale=scale, label=label)  # type: ignore[operator]
        return
    name = selection.time(time)
    if name is None:
        raise InvalidInputError(f"{picture.value}: {selection.column.table} has no column of times to draw it over")
    bucket = identifier(name)
    times, states = selection.in_time(Granularity.parse(every).truncated(bucket) if every else bucket)
    if picture is Picture.uniques:
        plot.uniques(times, states, ax, every=None if every else "auto", label=label)
    elif picture is Picture.bands:
        plot.quantile_bands(times, states, ax, every=None if every else "auto", label=label)
    else:
        plot.daily_envelope(times, states, ax, label=label)
