"""DiffC: one unconditional diffusion model, any bitrate, every prefix a picture.

    encoder                                             decoder
    x_hat = D(z_t, sigma_t)                             x_hat = D(z_t, sigma_t)
    mu = shift(x, x_hat)  --simulate--> symbols --file--> symbols --reproduce--> sample
    z_s = mean(z_t, x_hat) + scale * sample             z_s = mean(z_t, x_hat) + scale * sample

Both sides hold the same noisy picture z_t and make the same guess x_hat at the clean one. What the guess misses, mu, is
communicated as a sample of N(mu, I): the noise of the next state is not thrown away but used as the carrier. The file
may end after any byte; what the decoder makes of the last state is its own choice.

Source: Theis, Salimans, Hoffman, Mentzer 2022, "Lossy Compression with Gaussian Diffusion" (arXiv:2206.08889).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.base import DEFAULT_RENDERING, Decoder, Preset, Reconstruction, Rendering, Target
from diffdemo.codecs.diffc_payload import (
    LAST_LEVEL,
    PayloadReader,
    PayloadStep,
    PayloadWriter,
    level_of,
    read_steps,
    sigma_of,
)
from diffdemo.codecs.diffc_plan import EFFORTS, LARGEST_GROWTH, budget_of, expected_steps, growth_for, plan_step
from diffdemo.coding.container import Bitstream, Header, read_bitstream, write_bitstream
from diffdemo.coding.tree_code import TREE_PRESETS, TreePreset, TreeStep, reproduce, simulate
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, white_noise
from diffdemo.diffusion.samplers import ancestral, flow
from diffdemo.errors import CorruptBitstream, ModelMismatch, RateError
from diffdemo.images import MOST_PIXELS, Pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics import psnr_db

LARGEST_SEED = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class State:
    """Where encoder and decoder stand together after some steps.

    Attributes:
        z: noisy picture, [1,3,H,W].
        sigma: its noise level.
        x_hat: posterior mean of the picture given z.
        number: steps taken.
        num_bytes: shortest prefix of the file that leads here, header included.
    """

    z: Tensor
    sigma: float
    x_hat: Tensor
    number: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of an encode: the file so far, the common state, and an estimate of the number of steps."""

    data: bytes
    state: State
    num_steps: int
    done: bool


class DiffC:
    """The codec with one model.

    Args:
        denoiser: the model, on its device.
        fingerprint: first four bytes of the SHA-256 of its weight file.
    """

    name: ClassVar = "diffc"
    label: ClassVar = "DiffC"
    codec_id: ClassVar = 1
    is_embedded: ClassVar = True
    decoders: ClassVar[tuple[Decoder, ...]] = (Decoder.MEAN, Decoder.FLOW, Decoder.ANCESTRAL)

    def __init__(self, denoiser: Denoiser, *, fingerprint: bytes) -> None:
        self.denoiser = denoiser
        self.fingerprint = fingerprint

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset = Preset.BALANCED, seed: int = 0) -> bytes:
        """A file that meets the target; see `encode_progressively`."""
        last = None
        for progress in self.encode_progressively(pixels, target, preset=preset, seed=seed):
            last = progress
        assert last is not None
        return last.data

    @torch.inference_mode()
    def encode_progressively(
        self, pixels: Pixels, target: Target, *, preset: Preset = Preset.BALANCED, seed: int = 0
    ) -> Iterator[Progress]:
        """Encode step by step. Every yield carries a complete file of what has been sent so far.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality, or both; with neither, `DEFAULT_BPP` bits per pixel.
            preset: work for bits.
            seed: 0..2^32-1, names the shared randomness.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: not even one step fits into `target.num_bytes`, or the seed is out of range.
        """
        require_pixels(pixels)
        if not 0 <= seed <= LARGEST_SEED:
            raise RateError(f"The seed is {seed}; it must lie between 0 and {LARGEST_SEED}.")
        x = to_image(pixels)
        dimensions = x.numel()
        effort = EFFORTS[preset]
        budget = budget_of(target, dimensions // 3)
        writer = PayloadWriter(growth_for(8 * budget, effort.steps), dimensions)
        key = _key(seed)

        def file() -> bytes:
            return write_bitstream(
                codec_id=self.codec_id,
                fingerprint=self.fingerprint,
                width=pixels.shape[1],
                height=pixels.shape[0],
                parameters=(seed, effort.tree.number, writer.growth),
                payload=writer.bits.to_bytes(),
            )

        header_bytes = _header_bytes(self, pixels, seed, effort.tree, writer.growth, budget)
        room = 8 * (budget - header_bytes)
        floor = min(LAST_LEVEL, level_of(self.denoiser.sigma_min))
        z, x_hat, sigma = torch.zeros_like(x), torch.zeros_like(x), math.inf
        planned = plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
        if planned is None:
            raise RateError(
                f"{budget} bytes are too few for a file: its header alone takes {header_bytes}. "
                f"Please allow at least {header_bytes + 8} bytes."
            )
        while planned is not None:
            level, tree_step, last = planned
            step = PosteriorStep(sigma, sigma_of(level))
            mu = step.shift(x, x_hat).flatten().numpy()
            number = writer.num_steps
            symbols = simulate(mu, tree_step, key=key, number=number)
            writer.begin_step(level, tree_step.stages)
            writer.bits.symbols(symbols)
            sample = reproduce(symbols, tree_step, key=key, number=number)
            z = step.mean(z, x_hat) + step.scale * torch.from_numpy(sample).view_as(x)
            sigma = step.sigma_s
            x_hat = self.denoiser.denoise(z, sigma).cpu()
            if target.psnr_db is not None and psnr_db(pixels, to_pixels(x_hat)) >= target.psnr_db:
                last = True
            planned = None if last else plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
            data = file()
            state = State(z, sigma, x_hat, writer.num_steps, len(data))
            yield Progress(data, state, expected_steps(writer, room, done=planned is None), planned is None)

    def decode(self, data: bytes, rendering: Rendering = DEFAULT_RENDERING) -> Iterator[Reconstruction]:
        """Posterior means along the file, then the chosen decoder on what there is of it.

        Args:
            data: a file or any prefix of one that holds its header.
            rendering: what to do about what was not sent.

        Raises:
            BitstreamError: the header cannot be read, or names another model.
            RateError: a decoder of another codec.
        """
        decoder = rendering.decoder_of(self)
        bitstream = self.open(data)
        steps = steps_of(bitstream)
        total = len(steps) + 1
        state = self.empty_state(bitstream)
        for state in self.states(bitstream, decoder=decoder, seed=rendering.seed):
            yield Reconstruction(state.x_hat, state.num_bytes, state.number, total, state.sigma)
        for image, done, of in self.render(state, rendering):
            yield Reconstruction(image, bitstream.num_bytes, len(steps) + done, len(steps) + of, state.sigma)

    def open(self, data: bytes) -> Bitstream:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        bitstream = read_bitstream(data)
        header = bitstream.header
        if header.codec_id != self.codec_id or len(header.parameters) != 3:
            raise CorruptBitstream("The file was not written by DiffC.")
        if header.parameters[1] not in TREE_PRESETS or header.parameters[2] > LARGEST_GROWTH:
            raise CorruptBitstream("The file's header asks for settings that no encoder writes.")
        if header.width * header.height > MOST_PIXELS:
            raise CorruptBitstream(
                f"The file claims {header.width} x {header.height} pixels; at most {MOST_PIXELS:,} are decoded here."
            )
        if header.fingerprint != self.fingerprint:
            raise ModelMismatch(
                f"The file was written with model {header.fingerprint.hex()}; this one is {self.fingerprint.hex()}. "
                "Only the same weights can decode it."
            )
        return bitstream

    def empty_state(self, bitstream: Bitstream) -> State:
        """Before the first step: mid grey, and everything unknown."""
        zero = torch.zeros(1, 3, bitstream.header.height, bitstream.header.width)
        return State(zero, math.inf, zero, 0, bitstream.header_bytes)

    @torch.inference_mode()
    def states(
        self, bitstream: Bitstream, *, start: State | None = None, decoder: Decoder = Decoder.MEAN, seed: int = 0
    ) -> Iterator[State]:
        """The states that a file leads through, the last one perhaps by a step that is only half there.

        Args:
            bitstream: from `open`.
            start: a state of the same file to go on from.
            decoder, seed: decide how stages that were not received are filled in: drawn from the prior for ANCESTRAL,
                moved along the flow otherwise.
        """
        header = bitstream.header
        file_seed, preset, growth = header.parameters
        state = start or self.empty_state(bitstream)
        dimensions = state.z.numel()
        reader = PayloadReader(bitstream.payload, header.payload_bytes, growth, dimensions)
        while planned := reader.next_step():
            symbols = reader.bits.symbols(planned.stages)
            if planned.number < state.number:
                continue
            if len(symbols) == 0:
                return
            tree_step = TreeStep(dimensions, planned.stages, TREE_PRESETS[preset])
            step = PosteriorStep(state.sigma, planned.sigma)
            missing = None
            if len(symbols) < planned.stages:
                missing = _fill(step, state, tree_step, decoder, seed)
            sample = reproduce(symbols, tree_step, key=_key(file_seed), number=planned.number, missing=missing)
            z = step.mean(state.z, state.x_hat) + step.scale * torch.from_numpy(sample).view_as(state.z)
            end = min(bitstream.num_bytes, end_bytes(bitstream, planned))
            state = State(z, step.sigma_s, self.denoiser.denoise(z, step.sigma_s).cpu(), planned.number + 1, end)
            yield state

    def render(self, state: State, rendering: Rendering) -> Iterator[tuple[Tensor, int, int]]:
        """Turn the last state into a picture: (image, work done, work in all); the last one is the result."""
        decoder = rendering.decoder_of(self)
        if decoder is Decoder.MEAN or math.isinf(state.sigma):
            yield state.x_hat, 1, 1
        elif decoder is Decoder.FLOW:
            yield from _counted_from_one(flow(self.denoiser, state.z, state.sigma, realism=rendering.realism))
        else:
            yield from _counted_from_one(ancestral(self.denoiser, state.z, state.sigma, seed=rendering.seed))


def steps_of(bitstream: Bitstream) -> list[PayloadStep]:
    """The steps of a DiffC file, whole or cut, read without a network."""
    header = bitstream.header
    return read_steps(bitstream.payload, header.payload_bytes, header.parameters[2], 3 * header.width * header.height)


def end_bytes(bitstream: Bitstream, step: PayloadStep) -> int:
    """Shortest prefix of the file that holds a step, header included."""
    return bitstream.header_bytes + -(-step.end_bit // 8)


def _counted_from_one(sampler: Iterator[tuple[Tensor, int, int]]) -> Iterator[tuple[Tensor, int, int]]:
    for image, done, of in sampler:
        yield image.cpu(), done + 1, of + 1


def _fill(step: PosteriorStep, state: State, tree_step: TreeStep, decoder: Decoder, seed: int) -> np.ndarray:
    """What stands in for stages that were not received, in units of the step's standard deviation."""
    if decoder is Decoder.ANCESTRAL:
        noise = white_noise(tuple(state.z.shape), seed, stream=-1)
        return (noise * math.sqrt(1 + tree_step.variance)).flatten().numpy()
    forward = step.flow(state.z, state.x_hat) - step.mean(state.z, state.x_hat)
    return (forward / step.scale).flatten().numpy()


def _header_bytes(codec: DiffC, pixels: Pixels, seed: int, tree: TreePreset, growth: int, budget: int) -> int:
    parameters = (seed, tree.number, growth)
    header = Header(codec.codec_id, codec.fingerprint, pixels.shape[1], pixels.shape[0], parameters, budget, 0)
    return len(header.to_bytes())


def _key(seed: int) -> tuple[int, int]:
    """Key of the file's shared randomness. normative."""
    return seed, 0x44696666
