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

from diffdemo.codecs.base import (
    DEFAULT_RENDERING,
    Decoder,
    Preset,
    Reconstruction,
    Rendering,
    Target,
    Work,
    padded_pixels,
)
from diffdemo.codecs.diffc_file import CODEC_ID, LARGEST_SEED, DiffCFile, FileHead, read_file, require_prompt
from diffdemo.codecs.diffc_payload import LAST_LEVEL, PayloadWriter, level_of, sigma_of
from diffdemo.codecs.diffc_plan import EFFORTS, budget_of, expected_steps, growth_for, plan_step
from diffdemo.coding.tree_code import TREE_PRESETS, TreeStep, reproduce, simulate
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, white_noise
from diffdemo.diffusion.samplers import ancestral, flow
from diffdemo.diffusion.views import Views
from diffdemo.errors import CorruptBitstream, ModelMismatch, RateError
from diffdemo.images import Pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.space import Space

MULTIPLE = 32
"""About what networks fill the sides of a picture up to, for judging their work."""
MAX_BPP = 12
"""About what a picture of pure noise takes down to the lowest noise level of a model."""
SAMPLER_EVALUATIONS = {Decoder.MEAN: 0, Decoder.FLOW: 11, Decoder.ANCESTRAL: 17}
"""Of the network, by what follows the last state of a file: a sampler's steps, and one for where it begins."""


@dataclass(frozen=True, slots=True)
class State:
    """Where encoder and decoder stand together after some steps.

    Attributes:
        z: noisy signal, [1,C,h,w]; for models of pictures, the noisy picture [1,3,H,W].
        sigma: its noise level.
        x_hat: posterior mean of the signal given z.
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
    """A moment of an encode: the file so far and its head, the common state, an estimate of the number of steps."""

    data: bytes
    head: FileHead
    state: State
    num_steps: int
    done: bool


class DiffC:
    """The codec with one model.

    Args:
        space: the model, on its device, and what its diffusion is about: pictures, or the latents of an autoencoder.
        fingerprint: first four bytes of the SHA-256 of its weight file, see FORMAT.md.
    """

    name: ClassVar = "diffc"
    label: ClassVar = "DiffC"
    codec_id: ClassVar = CODEC_ID
    is_embedded: ClassVar = True
    decoders: ClassVar[tuple[Decoder, ...]] = (Decoder.MEAN, Decoder.FLOW, Decoder.ANCESTRAL)

    def __init__(self, space: Space, *, fingerprint: bytes) -> None:
        self.space = space
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
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Progress]:
        """Encode step by step. Every yield carries a complete file of what has been sent so far.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality, or both; with neither, `DEFAULT_BPP` bits per pixel.
            preset: work for bits.
            seed: 0..2^32-1, names the shared randomness.
            prompt: for models that take one, what the picture shows; it becomes a part of the file.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: not even one step fits into `target.num_bytes`, the seed is out of range, or the prompt is too
                long or of no use to the model.
        """
        require_pixels(pixels)
        if not 0 <= seed <= LARGEST_SEED:
            raise RateError(f"The seed is {seed}; it must lie between 0 and {LARGEST_SEED}.")
        self._require_prompt(prompt)
        x = self.space.to_signal(to_image(pixels))
        effort = EFFORTS[preset]
        budget = budget_of(target, pixels.shape[0] * pixels.shape[1])
        views, steps = effort.evaluations(self.space.most_views)
        growth = growth_for(8 * budget, steps)
        head = self._head(pixels, seed=seed, tree=effort.tree.number, growth=growth, views=views, prompt=prompt)
        denoiser = self.denoiser(head)
        writer = PayloadWriter(growth, head.dimensions)
        key = _key(seed)
        overhead = head.overhead(budget)
        room = 8 * (budget - overhead)
        floor = min(LAST_LEVEL, level_of(self.space.sigma_min))
        z, x_hat, sigma = torch.zeros_like(x), torch.zeros_like(x), math.inf
        planned = plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
        if planned is None:
            raise RateError(
                f"{budget} bytes are too few for a file: its header alone takes {overhead}. "
                f"Please allow at least {overhead + 8} bytes."
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
            x_hat = denoiser.denoise(z, sigma).cpu()
            if target.psnr_db is not None and psnr_db(pixels, self.picture(x_hat, head)) >= target.psnr_db:
                last = True
            planned = None if last else plan_step(writer, effort.tree, x, x_hat, sigma, room=room, floor=floor)
            data = head.to_file(writer.bits.to_bytes())
            state = State(z, sigma, x_hat, writer.num_steps, len(data))
            yield Progress(data, head, state, expected_steps(writer, room, done=planned is None), planned is None)

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
        file = self.open(data)
        steps = len(file.steps())
        state = self.empty_state(file)
        for state in self.states(file, decoder=decoder, seed=rendering.seed):
            image = self.image(state.x_hat, file.head, preview=True)
            yield Reconstruction(image, state.num_bytes, state.number, steps + 1, state.sigma)
        for signal, done, of in self.render(file, state, rendering):
            image = self.image(signal, file.head, preview=done < of)
            yield Reconstruction(image, file.num_bytes, steps + done, steps + of, state.sigma)

    def open(self, data: bytes) -> DiffCFile:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        file = read_file(data)
        head = file.head
        if head.fingerprint != self.fingerprint:
            raise ModelMismatch(
                f"The file was written with model {head.fingerprint.hex()}; this one is {self.fingerprint.hex()}. "
                "Only the same weights can decode it."
            )
        if (head.channels, head.factor) != (self.space.channels, self.space.factor):
            raise CorruptBitstream("The file's header asks for a kind of signal that its model does not have.")
        if head.views > self.space.most_views:
            raise CorruptBitstream("The file's header asks for views that its model does not know.")
        return file

    def empty_state(self, file: DiffCFile) -> State:
        """Before the first step: everything unknown, which is mid grey for models of pictures."""
        zero = torch.zeros(file.head.signal_shape)
        return State(zero, math.inf, zero, 0, file.first_byte)

    @torch.inference_mode()
    def states(
        self, file: DiffCFile, *, start: State | None = None, decoder: Decoder = Decoder.MEAN, seed: int = 0
    ) -> Iterator[State]:
        """The states that a file leads through, the last one perhaps by a step that is only half there.

        Args:
            file: from `open`.
            start: a state of the same file to go on from.
            decoder, seed: decide how stages that were not received are filled in: drawn from the prior for ANCESTRAL,
                moved along the flow otherwise.
        """
        head = file.head
        denoiser = self.denoiser(head)
        state = start or self.empty_state(file)
        reader = file.reader()
        while planned := reader.next_step():
            symbols = reader.bits.symbols(planned.stages)
            if planned.number < state.number:
                continue
            if len(symbols) == 0:
                return
            tree_step = TreeStep(head.dimensions, planned.stages, TREE_PRESETS[head.tree])
            step = PosteriorStep(state.sigma, planned.sigma)
            missing = None
            if len(symbols) < planned.stages:
                missing = _fill(step, state, tree_step, decoder, seed)
            sample = reproduce(symbols, tree_step, key=_key(head.seed), number=planned.number, missing=missing)
            z = step.mean(state.z, state.x_hat) + step.scale * torch.from_numpy(sample).view_as(state.z)
            end = min(file.num_bytes, file.end_bytes(planned))
            state = State(z, step.sigma_s, denoiser.denoise(z, step.sigma_s).cpu(), planned.number + 1, end)
            yield state

    def render(self, file: DiffCFile, state: State, rendering: Rendering) -> Iterator[tuple[Tensor, int, int]]:
        """Make the most of the last state: (signal, work done, work in all); the last one is the result."""
        decoder = rendering.decoder_of(self)
        if decoder is Decoder.MEAN or math.isinf(state.sigma):
            yield state.x_hat, 1, 1
            return
        denoiser = self.denoiser(file.head)
        if decoder is Decoder.FLOW:
            yield from _counted_from_one(flow(denoiser, state.z, state.sigma, realism=rendering.realism))
        else:
            yield from _counted_from_one(ancestral(denoiser, state.z, state.sigma, seed=rendering.seed))

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute, for the number of steps that its preset aims at."""
        views, steps = EFFORTS[preset].evaluations(self.space.most_views)
        bits = min(8 * budget_of(target, width * height), MAX_BPP * width * height)
        return Work(padded_pixels(width, height, MULTIPLE), views * steps, bits)

    def work_of_decode(self, data: bytes, rendering: Rendering) -> Work:
        """What a decode will compute: an evaluation for each step and view, and those of the decoder's sampler."""
        file = self.open(data)
        sampled = SAMPLER_EVALUATIONS[rendering.decoder_of(self)]
        evaluations = file.head.views * (len(file.steps()) + sampled)
        return Work(padded_pixels(file.head.width, file.head.height, MULTIPLE), evaluations)

    @torch.inference_mode()
    def evaluate_once(self, width: int, height: int) -> None:
        """Run the network once on grey, for whoever wants to know how long that takes."""
        factor = self.space.factor
        state = torch.zeros(1, self.space.channels, -(-height // factor), -(-width // factor))
        self.space.denoiser().denoise(state, 1.0)

    def denoiser(self, head: FileHead) -> Denoiser:
        """The model as a file wants it: told its prompt, shown as many views."""
        denoiser = self.space.denoiser(head.prompt)
        return denoiser if head.views == 1 else Views(denoiser, head.views)

    def image(self, signal: Tensor, head: FileHead, *, preview: bool = False) -> Tensor:
        """A signal as a picture, float32 [1,3,H,W] in [-1,1]; a preview may be a rougher one that is made sooner."""
        return self.space.to_image(signal, head.height, head.width, preview=preview)

    def picture(self, signal: Tensor, head: FileHead, *, preview: bool = False) -> Pixels:
        """A signal as pixels, uint8 [H,W,3]."""
        return to_pixels(self.image(signal, head, preview=preview))

    def _head(self, pixels: Pixels, *, seed: int, tree: int, growth: int, views: int, prompt: str) -> FileHead:
        height, width = pixels.shape[:2]
        space = self.space
        return FileHead(
            self.fingerprint,
            width,
            height,
            seed,
            tree,
            growth,
            views,
            space.channels,
            space.factor,
            prompt,
        )

    def _require_prompt(self, prompt: str) -> None:
        require_prompt(prompt)
        if prompt and not self.space.takes_prompt:
            raise RateError("This model knows no words; please leave the prompt empty, or choose one that does.")


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


def _key(seed: int) -> tuple[int, int]:
    """Key of the file's shared randomness. normative."""
    return seed, 0x44696666
