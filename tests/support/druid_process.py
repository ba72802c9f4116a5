"""A Java process that answers with Druid's own classes."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.druid.classes import HARNESS, class_path


@dataclass(frozen=True)
class DruidHistogram:
    """What Druid reads of a histogram."""

    count: int
    exact: int
    """How many values are in exact bins."""
    min: float
    max: float
    bins: list[tuple[float, int]]


class DruidProcess:
    """Asks `Druid.java`, a line each; a context manager that ends the process."""

    def __init__(self, folder: Path) -> None:
        """Start it, with Druid's classes in `folder`.

        Raises:
            benchmarks.druid.classes.Unavailable: If they cannot run here.
        """
        self._process = subprocess.Popen(
            ["java", "-cp", class_path(folder), str(HARNESS / "Druid.java")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> DruidProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def hll_of(self, texts: Iterable[str]) -> bytes:
        """The hyperUnique of texts."""
        return _bytes(self._ask("hll-of", *[_hex(text.encode()) for text in texts]))

    def hll_of_range(self, prefix: str, count: int) -> bytes:
        """The hyperUnique of a prefix and each number below `count`."""
        return _bytes(self._ask("hll-of-range", _hex(prefix.encode()), "0", str(count)))

    def hll_of_ranks(self, ranks: Iterable[tuple[int, int]]) -> bytes:
        """The hyperUnique of hashes with these registers and ranks."""
        return _bytes(self._ask("hll-of-ranks", *[f"{register}:{rank}" for register, rank in ranks]))

    def hll_fold(self, images: Iterable[bytes]) -> bytes:
        """All of them, one after the other folded into an empty one."""
        return _bytes(self._ask("hll-fold", *map(_hex, images)))

    def hll_estimate(self, image: bytes) -> float:
        return float(self._ask("hll-estimate", _hex(image)))

    def histogram_of(self, size: int, values: Iterable[float]) -> bytes:
        """The histogram of values in so many bins, in the form that Druid chooses."""
        return _bytes(self._ask("histogram-of", str(size), *map(str, values)))

    def histogram_fold(self, size: int, images: Iterable[bytes]) -> bytes:
        """All of them folded into an empty one of so many bins."""
        return _bytes(self._ask("histogram-fold", str(size), *map(_hex, images)))

    def histogram_write(self, form: str, image: bytes) -> bytes | None:
        """The same in another form; None where it has none."""
        answer = self._answer("histogram-write", form, _hex(image))
        return None if "cannot be stored in compact form" in answer else _bytes(_checked(answer))

    def histogram_read(self, image: bytes) -> DruidHistogram:
        count, exact, least, greatest, *bins = self._ask("histogram-read", _hex(image)).split()
        pairs = [each.split(":") for each in bins]
        # Java writes a float in as few digits as tell it from other floats: here it is a double.
        return DruidHistogram(
            int(count),
            int(exact),
            _float(least),
            _float(greatest),
            [(_float(position), int(number)) for position, number in pairs],
        )

    def _ask(self, *words: str) -> str:
        return _checked(self._answer(*words))

    def _answer(self, *words: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")


def _checked(answer: str) -> str:
    assert answer, "Java ended"
    assert not answer.startswith("error"), answer
    return answer


def _float(text: str) -> float:
    (number,) = struct.unpack(">f", struct.pack(">f", float(text.replace("Infinity", "inf"))))
    return float(number)


def _hex(data: bytes) -> str:
    return data.hex() or "-"


def _bytes(text: str) -> bytes:
    return b"" if text == "-" else bytes.fromhex(text)
