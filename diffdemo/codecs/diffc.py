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

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.base import Decoder, Preset, Reconstruction, Target
from diffdemo.codecs.diffc_payload import (
    FEWEST_LAST_STAGES,
    LAST_LEVEL,
    PayloadReader,
    PayloadStep,
    PayloadWriter,
    level_of,
    read_steps,
    sigma_of,
)
from diffdemo.coding.container import Bitstream, Header, read_bitstream, write_bitstream
from diffdemo.coding.tree_code import (
    BALANCED,
    BEST,
    FAST,
    TREE_PRESETS,
    TreePreset,
    TreeStep,
    reproduce,
    simulate,
    stages_for,
)
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, sigma_for_energy, white_noise
from diffdemo.diffusion.samplers import ancestral, flow
from diffdemo.errors import CorruptBitstream, ModelMismatch, RateError
from diffdemo.images import MOST_PIXELS, Pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics import psnr_db

LARGEST_GROWTH = 1 << 14
LARGEST_SEED = (1 << 32) - 1
WORTHWHILE_STAGES = 20
DEFAULT_BPP = 1.0


@dataclass(frozen=True, slots=True)
class Effort:
    """What a preset means: beam and number of network evaluations for the targeted file."""

    tree: TreePreset
    steps: int


EFFORTS = {
    Preset.FAST: Effort(FAST, 20),
    Preset.BALANCED: Effort(BALANCED, 44),
    Preset.BEST: Effort(BEST, 64),
}


def preset_of(tree: int) -> str:
    """Name of the preset whose tree code a file names; "unknown" for a number that no encoder writes."""
    return next((preset.value for preset, effort in EFFORTS.items() if effort.tree.number == tree), "unknown")


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

    name = "diffc"
    codec_id = 1

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
        budget = _budget(target, dimensions // 3)
        writer = PayloadWriter(_growth(8 * budget, effort.steps), dimensions)
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
        planned = _plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
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
            planned = None if last else _plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
            data = file()
            state = State(z, sigma, x_hat, writer.num_steps, len(data))
            yield Progress(data, state, _expected_steps(writer, room, done=planned is None), planned is None)

    def decode(
        self, data: bytes, *, decoder: Decoder = Decoder.MEAN, realism: float = 1.0, seed: int = 0
    ) -> Iterator[Reconstruction]:
        """Posterior means along the file, then the chosen decoder on what there is of it.

        Args:
            data: a file or any prefix of one that holds its header.
            decoder: what to do about what was not sent.
            realism: for FLOW, 0 (posterior mean) to 1 (probability flow).
            seed: for ANCESTRAL, which of the possible pictures to draw.

        Raises:
            BitstreamError: the header cannot be read, or names another model.
        """
        bitstream = self.open(data)
        steps = steps_of(bitstream)
        total = len(steps) + 1
        state = self.empty_state(bitstream)
        for state in self.states(bitstream, decoder=decoder, seed=seed):
            yield Reconstruction(state.x_hat, state.num_bytes, state.number, total, state.sigma)
        for image, done, of in self.render(state, decoder=decoder, realism=realism, seed=seed):
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

    def render(
        self, state: State, *, decoder: Decoder, realism: float = 1.0, seed: int = 0
    ) -> Iterator[tuple[Tensor, int, int]]:
        """Turn the last state into a picture: (image, work done, work in all); the last one is the result."""
        if decoder is Decoder.MEAN or math.isinf(state.sigma):
            yield state.x_hat, 1, 1
        elif decoder is Decoder.FLOW:
            yield from _counted_from_one(flow(self.denoiser, state.z, state.sigma, realism=realism))
        else:
            yield from _counted_from_one(ancestral(self.denoiser, state.z, state.sigma, seed=seed))


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


def _plan_step(
    writer: PayloadWriter, preset: TreePreset, x: Tensor, x_hat: Tensor, sigma: float, *, room: int, floor: int
) -> tuple[int, TreeStep, bool] | None:
    """Level and geometry of the next step and whether it is the last; None if nothing worthwhile fits.

    Args:
        room: payload bits in all.
        floor: the lowest noise level of the model.
    """
    error = float((x - x_hat).double().square().sum())
    if writer.level >= floor:
        return None
    stages, last = writer.rule, False
    side = 5
    # The code for the level and the number of stages depend on each other when the file is about to end.
    for _ in range(3):
        fitting = (room - writer.bits.num_bits - side) // 2
        if fitting < stages:
            stages, last = fitting, True
        if stages < min(writer.rule, FEWEST_LAST_STAGES if writer.num_steps == 0 else WORTHWHILE_STAGES):
            return None
        target = sigma_for_energy(sigma, error, TreeStep(x.numel(), stages, preset).energy)
        level = floor if target <= sigma_of(floor) else max(writer.level + 1, level_of(target))
        if level >= floor:
            level, last = floor, True
            needed = error * (1 / sigma_of(floor) ** 2 - 1 / sigma**2)
            stages = min(stages, max(FEWEST_LAST_STAGES, stages_for(needed, x.numel(), preset)))
        side = writer.side_bits(level)
        if not last:
            break
    if last:
        # Bits up to the end of the last byte belong to the last step.
        begin = writer.bits.num_bits + side
        end = min(room, -(-(begin + 2 * stages) // 8) * 8)
        stages = min(writer.rule, (end - begin) // 2)
        if stages < FEWEST_LAST_STAGES:
            return None
    return level, TreeStep(x.numel(), stages, preset), last


def _budget(target: Target, num_pixels: int) -> int:
    """Largest file in bytes; a quality target alone is bounded by 8 bits per pixel."""
    if target.num_bytes is not None:
        return target.num_bytes
    bpp = 8.0 if target.psnr_db is not None else DEFAULT_BPP
    return max(64, int(bpp * num_pixels / 8))


def _growth(bits: int, steps: int) -> int:
    """The growth for which `steps` steps reach `bits`: the sum of steps of c sqrt(R) is R = (c steps / 2)^2."""
    return max(1, min(LARGEST_GROWTH, round(16 * math.sqrt(bits) / steps)))


def _expected_steps(writer: PayloadWriter, room: int, *, done: bool) -> int:
    """Steps until the room is used up, by the same sum."""
    if done:
        return writer.num_steps
    left = math.sqrt(room) - math.sqrt(writer.bits.num_bits)
    return writer.num_steps + max(1, math.ceil(16 * left / writer.growth))


def _header_bytes(codec: DiffC, pixels: Pixels, seed: int, tree: TreePreset, growth: int, budget: int) -> int:
    parameters = (seed, tree.number, growth)
    header = Header(codec.codec_id, codec.fingerprint, pixels.shape[1], pixels.shape[0], parameters, budget, 0)
    return len(header.to_bytes())


def _key(seed: int) -> tuple[int, int]:
    """Key of the file's shared randomness. normative."""
    return seed, 0x44696666
