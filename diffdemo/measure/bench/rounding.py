"""What CDC's encoder gains by rounding a latent towards zero where the bits that this saves are worth more."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cdc_payload import Content
from diffdemo.codecs.cdc_step import CODES_AN_OCTAVE, UNIT_CODE
from diffdemo.codecs.rendering import Rendering
from diffdemo.engine.examples import EXAMPLES, example_pixels
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import Pixels
from diffdemo.measure.comparison.delta_rate import bd_rate
from diffdemo.measure.whole import decoded
from diffdemo.metrics.points import CurvePoint, measured

BIT_PRICES = (0.01, 0.02, 0.03, 0.05, 0.1)
CODES = tuple(range(UNIT_CODE, UNIT_CODE + 5 * CODES_AN_OCTAVE, CODES_AN_OCTAVE))
"""Steps 1 to 16, those of a sweep."""


def bench_rounding() -> Iterator[dict[str, float | int | str]]:
    """For each example picture and price of a bit, the rate at equal PSNR against rounding to the nearest."""
    codec = load_shipped(Cdc, choose_device("auto"))
    for example in EXAMPLES:
        pixels = example_pixels(example.name)
        content = codec.analyse(pixels)
        nearest = rounded_curve(codec, pixels, content, 0.0)
        for bit_price in BIT_PRICES:
            change = bd_rate(nearest, rounded_curve(codec, pixels, content, bit_price))
            yield {
                "picture": example.name,
                "bit price": bit_price,
                "BD-rate %": float("nan") if change is None else change,
            }


def rounded_curve(codec: Cdc, pixels: Pixels, content: Content, bit_price: float) -> list[CurvePoint]:
    """Files of a picture for each of `CODES`, decoded in one step."""
    files = [codec.write(content, code, bit_price=bit_price) for code in CODES]
    return [measured(pixels, decoded(codec, data, Rendering(steps=1)), len(data)) for data in files]
