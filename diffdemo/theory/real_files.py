"""A Gaussian source through the real codec: does it land on the curves?

Nothing is simulated but the source. DiffC writes a file with its tree code, a second DiffC that has never seen the
source reads it, and its three decoders do with the state what they do with pictures. Only the network is another one:
the exact denoiser, which for a Gaussian source is one multiplication.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from cachetools import LRUCache
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.records import Target
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.models.space import PixelSpace
from diffdemo.theory.closed_forms import GaussianDenoiser
from diffdemo.theory.sources import SCHEMES, Source, most_bits

TILE = 48
"""A signal of 3 x 48 x 48 dimensions holds 27 draws of 256 components, or 36 of 192; signals are tiles by tiles."""
TILES = range(2, 6)
LARGEST_BYTES = 8000
"""About what the last file should have: far smaller ones are mostly header."""
MEAN_VARIANCE = 0.1
"""About that of a photograph; SNR does not depend on it, but the codec's range of noise levels is made for it."""
SHARES = (0.04, 0.1, 0.2, 0.35, 0.55, 0.75, 0.95)
"""The files' sizes, as shares of the widest rate in the plot."""
REAL_DECODERS = (Decoder.MEAN, Decoder.FLOW, Decoder.ANCESTRAL)
FINGERPRINT = b"norm"

_FEWEST_BYTES = 48
_MAX_SOURCES = 64


@dataclass(frozen=True, slots=True)
class Landing:
    """One real file, and where it lies beside the closed forms.

    Attributes:
        num_bytes: of the file, header included.
        bits: of the file, per dimension.
        ideal_bits: per dimension, what the closed form asks for the noise level that the file reached.
        sigma: that level, in units of the signal.
        snr_db: measured, for each of the three decoders.
        expected_db: the closed forms at that level.
    """

    num_bytes: int
    bits: float
    ideal_bits: float
    sigma: float
    snr_db: dict[str, float]
    expected_db: dict[str, float]

    @property
    def overhead(self) -> float:
        """What real coding costs over the closed form, as a share of it."""
        return self.bits / self.ideal_bits - 1


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is: the landings so far, and how much of all the work is done, 0 to 1."""

    landings: tuple[Landing, ...]
    share_done: float
    done: bool


class Landings:
    """Runs sources through the codec, and remembers the outcome, which is the same for everybody."""

    def __init__(self) -> None:
        self._known: LRUCache[Source, tuple[Landing, ...]] = LRUCache(_MAX_SOURCES)
        self._lock = threading.Lock()

    def known(self, source: Source) -> tuple[Landing, ...]:
        """What has been run of a source; empty for nothing."""
        with self._lock:
            return self._known.get(source, ())

    def run(self, source: Source) -> Iterator[RunProgress]:
        """Land the files of a source one after the other, going on where an earlier run was stopped.

        Yields several times a second; closing the iterator stops the run between two steps of the codec.
        """
        landings = self.known(source)
        draw = _Draw(source)
        last = most_bits(source)
        for number in range(len(landings), len(SHARES)):
            num_bytes = max(_FEWEST_BYTES, round(SHARES[number] * last * draw.dimensions / 8))
            data = b""
            for grown, share in draw.encode(num_bytes):
                data = grown
                yield RunProgress(landings, (number + share) / len(SHARES), False)
            landings = (*landings, draw.land(data))
            with self._lock:
                self._known[source] = landings
        yield RunProgress(landings, 1.0, True)


class _Given(PixelSpace):
    """A space whose signal is given, whatever the picture: how an encoder comes to a source that is no picture."""

    def __init__(self, denoiser: GaussianDenoiser, signal: Tensor) -> None:
        super().__init__(denoiser)
        self._signal = signal

    def to_signal(self, image: Tensor) -> Tensor:
        """The given signal, [1,3,side,side]."""
        return self._signal


class _Draw:
    """One draw of a source, with an encoder that holds it and a decoder that does not."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._side = _side_for(source)
        shape = (1, 3, self._side, self._side)
        self.dimensions = math.prod(shape)
        scaled = MEAN_VARIANCE * torch.tensor(source.variances, dtype=torch.float64)
        rounds = self.dimensions // len(scaled)
        self._signal = (_stratified(rounds, len(scaled)) * scaled.sqrt()).float().reshape(shape)
        denoiser = GaussianDenoiser(scaled.float().repeat(rounds).reshape(shape))
        self._encoder = DiffC(_Given(denoiser, self._signal), fingerprint=FINGERPRINT)
        self._decoder = DiffC(PixelSpace(denoiser), fingerprint=FINGERPRINT)

    def encode(self, num_bytes: int) -> Iterator[tuple[bytes, float]]:
        """The file as it grows, and the share of it that is done."""
        blank = np.zeros((self._side, self._side, 3), np.uint8)
        for progress in self._encoder.encode_progressively(blank, Target(num_bytes)):
            yield progress.data, 1.0 if progress.done else len(progress.data) / num_bytes

    def land(self, data: bytes) -> Landing:
        """Decode a file in every way, and measure."""
        coded = self._decoder.coded(data)
        *_, state = coded.states()
        measured = {}
        for decoder in REAL_DECODERS:
            *_, (decoded, _, _) = coded.render(state, Rendering(decoder=decoder))
            measured[decoder.value] = _snr(float((decoded - self._signal).double().square().mean()) / MEAN_VARIANCE)
        precision = np.array([MEAN_VARIANCE / state.sigma**2])
        points = {decoder.value: SCHEMES[decoder.value](self._source.array, precision) for decoder in REAL_DECODERS}
        return Landing(
            num_bytes=len(data),
            bits=8 * len(data) / self.dimensions,
            ideal_bits=float(points["mean"].bits[0]),
            sigma=state.sigma,
            snr_db=measured,
            expected_db={name: _snr(float(point.distortion[0])) for name, point in points.items()},
        )


def _side_for(source: Source) -> int:
    """Side of the signal: larger where few bits a dimension are spent, so that files are not all header."""
    tiles = math.sqrt(8 * LARGEST_BYTES / most_bits(source) / (3 * TILE**2))
    return TILE * min(max(round(tiles), TILES[0]), TILES[-1])


def _stratified(rounds: int, components: int) -> Tensor:
    """Standard normal draws, float64 [rounds, components], one from each of `rounds` equally likely intervals.

    Each is exactly normal. Together they have nearly the variance that they should have, which a hundred independent
    draws would miss by a tenth, and the steep spectra with them.
    """
    generator = torch.Generator().manual_seed(1)
    order = torch.rand(rounds, components, generator=generator, dtype=torch.float64).argsort(dim=0)
    within = torch.rand(rounds, components, generator=generator, dtype=torch.float64)
    draws: Tensor = torch.special.ndtri((order + within) / rounds)
    return draws


def _snr(distortion: float) -> float:
    return float(-10 * np.log10(distortion))
