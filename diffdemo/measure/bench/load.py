"""Many people at once on one engine, against the same work one after the other: throughput, and who waits how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean, quantiles
from typing import NamedTuple

import numpy as np
from PIL import Image

from diffdemo.engine.engine import Engine
from diffdemo.engine.examples import EXAMPLES, example_pixels
from diffdemo.engine.limits.work import PAGE_SECONDS, Limits
from diffdemo.engine.scheduling.job import Asker, Rank
from diffdemo.images import Pixels
from diffdemo.measure.bench.cdc import Row

CLIENTS = (1, 4, 16)
THUMBNAIL = (128, 128)
TAKES_ROOT_SECONDS = 2.0
"""After which the small picture comes to the large one: its first steps, on few pixels, are over."""


class Order(NamedTuple):
    """One encode: picture, bits per pixel, preset."""

    pixels: Pixels
    bpp: float
    preset: str


def bench_load() -> Iterator[Row]:
    """Ratios within one run: thumbnails of 1, 4 and 16 clients, two pictures, and a small one beside a large one."""
    engine = Engine(limits=Limits(seconds=PAGE_SECONDS))
    engine.warm_up()
    for count in CLIENTS:
        yield {
            "clients": count,
            **_row(engine, [Order(_picture(number, THUMBNAIL), 1.0, "fast") for number in range(count)]),
        }
    yield {"clients": 2, **_row(engine, [Order(_picture(number, (256, 256)), 1.0, "balanced") for number in range(2)])}
    yield _beside(
        engine, Order(_picture(0, (64, 64)), 1.0, "balanced"), Order(_picture(2, (768, 512)), 0.5, "balanced")
    )


def _row(engine: Engine, orders: Sequence[Order]) -> Row:
    """The same orders one after the other, and all at once."""
    alone = sum(seconds for order in orders for seconds in _together(engine, [order]))
    began = time.perf_counter()
    waits = _together(engine, orders)
    together = time.perf_counter() - began
    height, width = orders[0].pixels.shape[:2]
    cuts = quantiles(waits, n=20, method="inclusive") if len(waits) > 1 else waits * 19
    return {
        "pictures": f"{width}x{height} {orders[0].preset}",
        "one after the other s": alone,
        "together s": together,
        "throughput": alone / together,
        "p50 s": cuts[9],
        "p95 s": cuts[18],
        "longest / mean": max(waits) / fmean(waits),
    }


def _beside(engine: Engine, small: Order, large: Order) -> Row:
    """What a small picture takes that comes while a large one is encoded, over what it takes alone."""
    alone = min(_together(engine, [small])[0] for _ in range(3))
    started = time.perf_counter()
    ended: list[float] = []
    thread = threading.Thread(target=lambda: ended.append(_encode(engine, large, "large") - started))
    thread.start()
    time.sleep(TAKES_ROOT_SECONDS)
    came = time.perf_counter()
    beside = _encode(engine, small, "small") - came
    is_under_way = thread.is_alive()
    thread.join()
    if not is_under_way:
        raise RuntimeError("the large picture was done before the small one; choose a larger one")
    height, width = large.pixels.shape[:2]
    return {
        "clients": 2,
        "pictures": f"{small.pixels.shape[1]}x{small.pixels.shape[0]} beside {width}x{height}",
        "alone s": alone,
        "beside s": beside,
        "beside / alone": beside / alone,
    }


def _together(engine: Engine, orders: Sequence[Order]) -> list[float]:
    """How long each waits that comes at the same time as the others."""
    ends = [0.0] * len(orders)

    def work(number: int) -> Callable[[], None]:
        def encode() -> None:
            ends[number] = _encode(engine, orders[number], f"client {number}")

        return encode

    threads = [threading.Thread(target=work(number)) for number in range(len(orders))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [end - began for end in ends]


def _encode(engine: Engine, order: Order, session: str) -> float:
    """Encode to the end; when that was."""
    asker = Asker(session, Rank.PERSON)
    for _ in engine.encode(order.pixels, bpp=order.bpp, preset=order.preset, asker=asker):
        pass
    return time.perf_counter()


def _picture(number: int, size: tuple[int, int]) -> Pixels:
    pixels = example_pixels(EXAMPLES[number % len(EXAMPLES)].name)
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
