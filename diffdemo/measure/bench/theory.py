"""How near real files come to the closed forms of Gaussian sources, and to what any codec could do: docs/theory.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from diffdemo.codecs.rendering import Decoder
from diffdemo.diffusion import samplers
from diffdemo.diffusion.posterior import white_noise
from diffdemo.engine.examples import example_pixels
from diffdemo.measure.bench.cdc import Row
from diffdemo.theory.closed_forms import (
    GaussianDenoiser,
    ancestral,
    flow,
    perfect_realism,
    posterior_mean,
    rate_at,
    shannon,
)
from diffdemo.theory.real_files import REAL_DECODERS, Landing, Landings
from diffdemo.theory.sources import Source, from_blocks, power_law

YARDSTICKS = {
    Decoder.MEAN: {"R(D)": shannon, "ideal DiffC": posterior_mean},
    Decoder.FLOW: {"perfect realism by flow": perfect_realism, "ideal DiffC-F": flow},
    Decoder.ANCESTRAL: {"perfect realism by ancestral": perfect_realism, "ideal DiffC-A": ancestral},
}
"""Of each decoder: what any codec could do at its error, and what its own scheme takes with ideal coding."""
EXPONENTS = (0.0, 1.5, 2.5)
STEPS = (16, 32, 64, 200)
"""Of ancestral sampling: the decoder's own number, and more."""
SIGMA = 0.5
"""A noise level, the source's standard deviation being 1, at which many components of a steep spectrum are unknown."""
ROUNDS = 900
"""Draws of the source for measuring ancestral sampling."""


def bench_theory() -> Iterator[Row]:
    """Each source through the codec, then ancestral sampling of the steepest in ever more steps."""
    sources = [power_law(exponent) for exponent in EXPONENTS]
    for source in (*sources, from_blocks(example_pixels("astronaut"))):
        *_, run = Landings().run(source)
        yield _landing_row(source, run.landings)
        yield from _bound_rows(source, run.landings)
    for source in (sources[0], sources[-1]):
        yield from _ancestral_rows(source)


def _landing_row(source: Source, landings: Sequence[Landing]) -> Row:
    row: Row = {
        "source": source.name,
        "bits a dimension": f"{landings[0].bits:.3f} to {landings[-1].bits:.2f}",
        "over closed form": f"{landings[0].overhead:.0%} to {landings[-1].overhead:.0%}",
    }
    for decoder in REAL_DECODERS:
        above = [landing.snr_db[decoder.value] - landing.expected_db[decoder.value] for landing in landings]
        row[f"{decoder.value} dB"] = f"{min(above):+.2f} to {max(above):+.2f}"
    return row


def _bound_rows(source: Source, landings: Sequence[Landing]) -> Iterator[Row]:
    """For each file and decoder, how many bits more it has than the closed forms ask for what the decoder reaches.

    The posterior mean against R(D), the least of any codec; samples against R(D) under perfect realism, the least of
    any codec whose results are distributed like the source; each against its own scheme of DiffC, ideally coded, too.
    """
    for landing in landings:
        row: Row = {"source": source.name, "bits a dimension": f"{landing.bits:.3f}"}
        for decoder in REAL_DECODERS:
            snr_db = landing.snr_db[decoder.value]
            row[f"{decoder.value} dB"] = f"{snr_db:.2f}"
            for name, scheme in YARDSTICKS[decoder].items():
                least = float(rate_at(scheme, source.array, np.array([10 ** (-snr_db / 10)]))[0])
                row[f"over {name}"] = f"{landing.bits / least - 1:+.0%}"
        yield row


def _ancestral_rows(source: Source) -> Iterator[Row]:
    """How much smaller than by its closed form the error of ancestral sampling is."""
    variances = torch.tensor(source.variances, dtype=torch.float32)
    shape = (1, 1, ROUNDS, len(variances))
    x = white_noise(shape, 1, stream=0) * variances.sqrt()
    z = x + SIGMA * white_noise(shape, 1, stream=1)
    expected = float((2 * variances * SIGMA**2 / (variances + SIGMA**2)).mean())
    for steps in STEPS:
        *_, (decoded, _, _) = samplers.ancestral(GaussianDenoiser(variances), z, SIGMA, seed=2, steps=steps)
        found = float((decoded - x).double().square().mean())
        gain = 10 * torch.log10(torch.tensor(expected / found))
        yield {"ancestral of": source.name, "steps": steps, "above closed form dB": float(gain)}
