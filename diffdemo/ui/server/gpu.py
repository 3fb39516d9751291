"""A GPU that is lent for each call, as ZeroGPU of Hugging Face Spaces does; nothing where none is lent.

The package `spaces` runs what it decorates in a process of its own, forked from this one, for as long as the GPU is
lent. What goes there and what comes back is pickled, and what is remembered there stays there. Hence it is the engine's
three long calls that are decorated and not the page's handlers: sessions, turns and locks stay at home, and only
pictures, files and numbers travel. docs/spaces.md has the rest.
"""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import gradio as gr

from diffdemo.engine import Asker, Engine, ModelInfo, Place
from diffdemo.errors import DiffDemoError

_log = logging.getLogger(__name__)

Work = Callable[[str, tuple, dict[str, Any]], Iterator[Any]]
"""A method of an engine by its name, with arguments, to what it yields."""

LONG_CALLS = ("encode", "decode", "samples")
MIN_SECONDS, MAX_SECONDS = 10, 110
"""A visitor without an account has two minutes a day, and is refused what would exceed them."""
START_SECONDS = 6.0
LOADED_BYTES_A_SECOND = 4e8
NETWORK_SECONDS_A_MEGAPIXEL = 4.0
MARGIN = 1.3
CODED_BITS_A_SECOND = {"fast": 142e3, "balanced": 109e3, "best": 18e3}
"""On two cores of the processor, where the channel is simulated whatever the network runs on; see README.md."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure on its way home. Left to itself, `spaces` would bring nothing of it but the name of its class."""

    error: DiffDemoError


def engine_with_gpu(make: Callable[..., Engine], device: str) -> Engine:
    """An engine whose long calls run on a lent GPU where one is, and what `make(device=...)` gives elsewhere."""
    try:
        spaces = importlib.import_module("spaces")
    except ImportError:
        return make(device=device)
    work, home = _work_on_one(make), list[Engine]()

    def seconds(method: str, args: tuple, options: dict[str, Any]) -> int:
        return estimate(home[0], method, args, options)

    lent = spaces.GPU(duration=seconds)(work)
    if lent is work:  # It has nothing to lend.
        return make(device=device)
    home.append(make(device="cpu"))
    return cast(Engine, Lent(home[0], lent))


def _work_on_one(make: Callable[..., Engine]) -> Work:
    """What runs where the GPU is. Its engine is made there, once, and lives as long as that process does.

    Not before the fork: what has touched CUDA cannot be forked, and a lock that is held stays so in the other process.
    """
    engines: list[Engine] = []

    def work(method: str, args: tuple, options: dict[str, Any]) -> Iterator[Any]:
        try:
            if not engines:
                engines.append(make(device="cuda"))
            yield from getattr(engines[0], method)(*args, **options)
        except DiffDemoError as error:
            yield Failed(error)

    return work


class Lent:
    """An engine at home whose long calls are made elsewhere.

    Args:
        home: on the CPU; it answers everything else, and these calls too where no GPU can be had.
        work: makes a call of an engine elsewhere.
    """

    def __init__(self, home: Engine, work: Work) -> None:
        self._home = home
        self._work = work
        self.device_label = "GPU, lent for each call"

    def __getattr__(self, name: str) -> Any:
        """A long call is made elsewhere; everything else takes no GPU."""
        return partial(self._elsewhere, name) if name in LONG_CALLS else getattr(self._home, name)

    def fit(self, pixels: Any, model: str, **encode: Any) -> Any:
        """As the model takes it. How long the encode will take is judged where it runs, not by the speed at home."""
        return self._home.fit(pixels, model)

    def _elsewhere(self, method: str, *args: Any, asker: Asker | None = None, **options: Any) -> Elsewhere:
        """What the call yields there. Who asks is of no interest there: whose turn it is the lender decides."""
        return Elsewhere(self._lent(method, args, options, {} if asker is None else {"asker": asker}))

    def _lent(self, method: str, args: tuple, options: dict[str, Any], of_home: dict[str, Asker]) -> Iterator[Any]:
        """What a call yields. If no GPU can be had, a small model does it here; others take minutes here."""
        has_begun = False
        try:
            with closing(cast(Any, self._work(method, args, options))) as items:
                for item in items:
                    if isinstance(item, Failed):
                        raise item.error
                    has_begun = True
                    yield item
            return
        except gr.Error as refusal:
            model = _model_of(self._home, method, args, options)
            if has_begun or model is None or not model.is_shipped:
                raise
            _log.warning("no GPU (%s); %s runs on the CPU", refusal.message, model.name)
        yield from getattr(self._home, method)(*args, **options, **of_home)


class Elsewhere:
    """What a call elsewhere yields; as `engine.Running`, but it stands in no line of ours."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def places(self) -> Iterator[Place]:
        """None: the lender's own line shows on the page by itself."""
        return iter(())

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def close(self) -> None:
        """End the call; one that another thread is in ends with its next item."""
        with suppress(ValueError):
            cast(Any, self._items).close()


def estimate(home: Engine, method: str, args: tuple, options: dict[str, Any]) -> int:
    """Seconds to ask for: as few as will do, as a visitor with less than that left is refused.

    Raises:
        BitstreamError: a file is none of ours.
    """
    height, width, bits, count = _amount(home, method, args, options)
    model = _model_of(home, method, args, options)
    seconds = START_SECONDS + (model.num_bytes if model else 0) / LOADED_BYTES_A_SECOND
    seconds += count * (1 + NETWORK_SECONDS_A_MEGAPIXEL * height * width / 1e6)
    seconds += bits / CODED_BITS_A_SECOND.get(options.get("preset", "balanced"), min(CODED_BITS_A_SECOND.values()))
    return min(MAX_SECONDS, max(MIN_SECONDS, math.ceil(MARGIN * seconds)))


def _amount(home: Engine, method: str, args: tuple, options: dict[str, Any]) -> tuple[int, int, float, int]:
    """Height and width, bits that have to be searched for, and how often a picture is made."""
    if method == "encode":
        height, width = args[0].shape[:2]
        most = 8 * options["num_bytes"] if options.get("num_bytes") else math.inf
        bits = min(most, (options.get("bpp") or 1.0) * height * width)
        return height, width, bits, 1
    info = home.describe(args[0])
    return info.height, info.width, 0, options.get("count", 4) if method == "samples" else 1


def _model_of(home: Engine, method: str, args: tuple, options: dict[str, Any]) -> ModelInfo | None:
    """The model that a call will use; None if it is not here, which the call itself will say better."""
    if method != "encode":
        name = home.describe(args[0]).model
        return None if name is None else home.model(name)
    of_codec = {codec.name: codec.default_model for codec in home.codecs()}
    return home.model(options.get("model") or of_codec.get(options.get("codec") or "", home.default_model))
