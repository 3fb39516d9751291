"""A picture of a batch at a time, on whatever machine: what an actor on a cluster is made of."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.engine.batch.archive import files_of
from diffdemo.engine.batch.compress import Order, Outcome, compress_one
from diffdemo.engine.engine import Engine
from diffdemo.engine.records import Frame

Result = tuple[Outcome, dict[str, bytes]]
"""What became of a picture, and its files by suffix; none where that went wrong."""


class Worker:
    """Holds an engine.

    Args:
        order: what to do with each picture.
        with_pictures: whether the decoded picture is wanted, too, as a PNG file.
        engine: that it holds; None for one of its own.
    """

    def __init__(self, order: Order, with_pictures: bool, engine: Engine | None = None) -> None:
        self._engine = engine or Engine()
        self._order = order
        self._with_pictures = with_pictures

    def do(self, name: str, data: bytes) -> Result:
        """Compress the picture in the bytes of a file."""
        *_, result = self.watched(name, data)
        assert isinstance(result, tuple)
        return result

    def watched(self, name: str, data: bytes) -> Iterator[Frame | Result]:
        """The same, with every state on the way before it."""
        for event in compress_one(self._engine, name, data, self._order):
            if isinstance(event, tuple):
                outcome, product = event
                yield outcome, {} if product is None else files_of(product, with_pictures=self._with_pictures)
            elif event is not None:
                yield event.frame
