"""DiffC: one unconditional diffusion model, any bitrate, every prefix a picture.

    encoder                                             decoder
    x_hat = D(z_t, sigma_t)                             x_hat = D(z_t, sigma_t)
    mu = shift(x - x_hat) --simulate--> symbols --file--> symbols --reproduce--> sample
    z_s = mean(z_t, x_hat) + scale * sample             z_s = mean(z_t, x_hat) + scale * sample

Both sides hold the same noisy picture z_t and make the same guess x_hat at the clean one. What the guess misses, mu, is
communicated as a sample of N(mu, I): the noise of the next state is not thrown away but used as the carrier. The file
may end after any byte; what the decoder makes of the last state is its own choice.

Source: Theis, Salimans, Hoffman, Mentzer 2022, "Lossy Compression with Gaussian Diffusion" (arXiv:2206.08889).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import ClassVar

import torch
from torch import Tensor

from diffdemo.codecs.base import Codec
from diffdemo.codecs.diffc_file import CODEC_ID, LARGEST_SEED, VERSION, DiffCFile, FileHead, read_file, require_prompt
from diffdemo.codecs.diffc_payload import LAST_LEVEL, PayloadWriter, level_of, sigma_of
from diffdemo.codecs.diffc_picture import (
    MULTIPLE,
    SAMPLER_EVALUATIONS,
    DiffCPicture,
    State,
    basis_of,
    denoiser_of,
    own_state,
    shared_key,
)
from diffdemo.codecs.diffc_plan import EFFORTS, budget_of, expected_steps, growth_for, plan_step, preset_of
from diffdemo.codecs.records import Description, Encoded, Facts, Preset, Rates, Reconstruction, Step, Target, Work
from diffdemo.codecs.records import State as AnyState
from diffdemo.codecs.rendering import DECODERS, Decoder, Rendering
from diffdemo.coding.container import require_model
from diffdemo.coding.tree_code import reproduce
from diffdemo.coding.tree_search import simulate
from diffdemo.diffusion.posterior import PosteriorStep
from diffdemo.errors import CorruptBitstream, ImageError, RateError
from diffdemo.images import Pixels, padded_pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.loading import load_space
from diffdemo.models.space import Space
from diffdemo.models.spec import ModelFiles, ModelSpec

MAX_BPP = 12
"""About what a picture of pure noise takes down to the lowest noise level of a model."""
SEARCHES = {effort.search.code.number: effort.search for effort in EFFORTS.values()}
"""By the numbers of their trees in files."""


class DiffC(Codec):
    """The codec with one model.

    Args:
        space: the model, on its device, and what its diffusion is about: pictures, or the latents of an autoencoder.
        fingerprint: first four bytes of the SHA-256 of its weight file, see FORMAT.md.
        former_fingerprint: that files of version 1 have, if it is another one.
    """

    name: ClassVar = "diffc"
    label: ClassVar = "DiffC"
    sentence: ClassVar = "Any prefix of the file is a picture."
    codec_id: ClassVar = CODEC_ID
    is_embedded: ClassVar = True
    decoders: ClassVar = tuple(SAMPLER_EVALUATIONS)
    facts: ClassVar = ("preset", "seed", "prompt")
    rates: ClassVar = Rates(usual=1.0, most=3.0)
    options: ClassVar = ("preset", "seed")

    def __init__(self, space: Space, *, fingerprint: bytes, former_fingerprint: bytes | None = None) -> None:
        self.space = space
        self.fingerprint = fingerprint
        self._fingerprints = {1: former_fingerprint or fingerprint, VERSION: fingerprint}

    @classmethod
    def load(cls, spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> DiffC:
        """The codec with one of its models; see `Codec`."""
        space, fingerprint, former = load_space(spec, weights, device)
        return cls(space, fingerprint=fingerprint, former_fingerprint=former)

    @classmethod
    def describe(cls, data: bytes) -> Description:
        """What a file says about itself, down to its steps; see `Codec`."""
        file = read_file(data)
        facts: Facts = {"preset": preset_of(file.head.tree), "seed": file.head.seed, "prompt": file.head.prompt or None}
        return Description(facts, file.first_byte, _steps_of(file))

    @torch.inference_mode()
    def encode_progressively(
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Encoded]:
        """Encode step by step. Every yield carries a complete file of what has been sent so far.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality of the posterior mean, or both; with neither, `DEFAULT_BPP` bits per pixel.
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
        effort = EFFORTS[preset]
        views, steps = effort.evaluations(self.space.most_views)
        growth = growth_for(8 * budget_of(target, pixels.shape[0] * pixels.shape[1]), steps)
        head = self._head(pixels, seed=seed, tree=effort.search.code.number, growth=growth, views=views, prompt=prompt)
        nothing = torch.zeros(head.signal_shape)
        yield from self._steps(pixels, target, head, PayloadWriter(head.rule), State(nothing, math.inf, nothing, 0, 0))

    @torch.inference_mode()
    def resume(self, pixels: Pixels, target: Target, begun: bytes, start: AnyState | None = None) -> Iterator[Encoded]:
        """Go on where a file ends; see `Codec`.

        Encoder and decoder hold the same state after the same steps, so the decoder finds the one to go on from. A last
        step that was shortened to end the file is taken anew: only whole steps can be followed by others.
        """
        picture = self.coded(begun)
        head = picture.file.head
        if picture.size != (pixels.shape[1], pixels.shape[0]):
            raise ImageError(f"The file holds {head.width} x {head.height} pixels; this is not its original.")
        if head.tree not in SEARCHES:
            raise RateError("The file was written by an earlier version: it can be decoded, but not gone on with.")
        writer, reader = PayloadWriter(head.rule), picture.file.reader()
        while (step := reader.next_step()) and step.stages == writer.rule:
            symbols = reader.bits.symbols(step.stages)
            if len(symbols) < step.stages:
                break
            writer.begin_step(step.level, step.stages)
            writer.bits.symbols(symbols)
        state = picture.empty_state()
        if start is not None and start.number <= writer.num_steps:
            state = own_state(start)
        replayed = islice(picture.states(state), writer.num_steps - state.number)
        for state in replayed:
            yield self._moment(head, state, begun, of=writer.num_steps + 1)
        yield from self._steps(pixels, target, head, writer, state)

    def _steps(
        self, pixels: Pixels, target: Target, head: FileHead, writer: PayloadWriter, state: State
    ) -> Iterator[Encoded]:
        """The moments of an encode from a state on that the writer's steps lead to."""
        x = self.space.to_signal(to_image(pixels))
        search, budget = SEARCHES[head.tree], budget_of(target, pixels.shape[0] * pixels.shape[1])
        denoiser, basis = denoiser_of(self.space, head), basis_of(self.space, head)
        key = shared_key(head.seed)
        overhead = head.overhead(budget)
        room = 8 * (budget - overhead)
        floor = min(LAST_LEVEL, level_of(self.space.sigma_min))
        plan = partial(plan_step, writer, search, room=room, floor=floor)
        error = basis.forward(x - state.x_hat)
        planned = plan(error, basis.classes(state.sigma), state.sigma)
        if planned is None and writer.num_steps == 0:
            raise RateError(
                f"{budget} bytes are too few for a file: its header alone takes {overhead}. "
                f"Please allow at least {overhead + 8} bytes."
            )
        if planned is None:
            yield self._moment(head, state, head.to_file(writer.bits.to_bytes()))
        while planned is not None:
            level, tree_step, last = planned
            step = PosteriorStep(state.sigma, sigma_of(level))
            number = writer.num_steps
            symbols = simulate(step.shift(error), tree_step, search, key=key, number=number, device=self.space.device)
            writer.begin_step(level, tree_step.stages)
            writer.bits.symbols(symbols)
            sample = reproduce(symbols, tree_step, key=key, number=number)
            z = step.mean(state.z, state.x_hat) + step.scale * basis.backward(sample)
            x_hat = denoiser.denoise(z, step.sigma_s).cpu()
            data = head.to_file(writer.bits.to_bytes())
            state = State(z, step.sigma_s, x_hat, writer.num_steps, len(data))
            if target.psnr_db is not None and psnr_db(pixels, to_pixels(self._image(head, x_hat))) >= target.psnr_db:
                last = True
            if last:
                planned = None
            else:
                error = basis.forward(x - x_hat)
                planned = plan(error, basis.classes(state.sigma), state.sigma)
            of = None if planned is None else expected_steps(writer, room)
            yield self._moment(head, state, data, of=of)

    def _moment(self, head: FileHead, state: State, data: bytes, of: int | None = None) -> Encoded:
        """A file and its picture, after so many steps of so many; of None more."""
        image = partial(self._image, head, state.x_hat, preview=of is not None)
        number = state.number
        picture = Reconstruction(image, state.num_bytes, number, of or number, state.sigma, Decoder.MEAN, state)
        return Encoded(data, picture, of is None)

    def _image(self, head: FileHead, signal: Tensor, *, preview: bool = False) -> Tensor:
        return self.space.to_image(signal, height=head.height, width=head.width, preview=preview)

    def coded(self, data: bytes) -> DiffCPicture:
        """The picture in a file or in any prefix of one that holds its header; see `Codec`."""
        return DiffCPicture(self, self.space, self.open(data))

    def open(self, data: bytes) -> DiffCFile:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        file = read_file(data)
        head = file.head
        require_model(head.fingerprint, self._fingerprints[head.version])
        if (head.channels, head.factor) != (self.space.channels, self.space.factor):
            raise CorruptBitstream("The file's header asks for a kind of signal that its model does not have.")
        if head.views > self.space.most_views:
            raise CorruptBitstream("The file's header asks for views that its model does not know.")
        return file

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute, for the number of steps that its preset aims at."""
        views, steps = EFFORTS[preset].evaluations(self.space.most_views)
        bits = min(8 * budget_of(target, width * height), MAX_BPP * width * height)
        return Work(padded_pixels(width, height, MULTIPLE), views * steps, bits)

    @torch.inference_mode()
    def ceiling(self, pixels: Pixels) -> Tensor | None:
        """The picture through the autoencoder of a latent model; None for models of pictures."""
        if self.space.factor == 1:
            return None
        return self.space.to_image(self.space.to_signal(to_image(pixels)), *pixels.shape[:2])

    @torch.inference_mode()
    def evaluate_once(self, width: int, height: int) -> None:
        """Run the network once on grey, for whoever wants to know how long that takes."""
        factor = self.space.factor
        state = torch.zeros(1, self.space.channels, -(-height // factor), -(-width // factor))
        self.space.denoiser().denoise(state, 1.0)

    @classmethod
    def curve_name(cls, rendering: Rendering) -> str:
        """What results call the curve of a decoder: "diffc flow", or "diffc flow 0.5" for less than all realism."""
        name = super().curve_name(rendering)
        is_between = "realism" in DECODERS[cls.decoder_of(rendering)].knobs and rendering.realism != 1
        return f"{name} {rendering.realism:g}" if is_between else name

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
            raise RateError("This model takes no prompt; please leave it empty, or choose a model that takes one.")


def _steps_of(file: DiffCFile) -> tuple[Step, ...]:
    """The steps of a file for people: two bits a stage."""
    return tuple(
        Step(
            number=step.number + 1,
            sigma=step.sigma,
            bits=2 * step.stages,
            side_bits=step.side_bits,
            end_bytes=file.end_bytes(step),
            received=file.end_bytes(step) <= file.num_bytes,
        )
        for step in file.steps()
    )
