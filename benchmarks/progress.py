"""What is said while it works: a spinner on a terminal, a line for each step where it is piped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console


class Progress:
    """Says what is being done, and what came out."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say what is being done while it is done, and how long it took."""
        start = perf_counter()
        if self.console.is_terminal:
            with self.console.status(text):
                yield
        else:
            yield
        self.console.print(f"  {text} [dim]{perf_counter() - start:.1f} s[/]", soft_wrap=True)

    def title(self, text: str) -> None:
        self.console.print(f"[bold]{text}[/]", soft_wrap=True)

    def line(self, text: str) -> None:
        self.console.print(f"  {text}", soft_wrap=True, markup=False)
