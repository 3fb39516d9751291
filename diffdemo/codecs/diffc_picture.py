"""Decoding of DiffC: the states that a file leads through, and what a decoder makes of the last one.

Both sides of the codec hold the same noisy signal z_t and make the same guess x_hat at the clean one; a step replaces
them by the next. Where the file ends, one of the decoders goes on alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.diffc_file import DiffCFile, FileHead
from diffdemo.codecs.records import CellBits, Reconstruction, Work
from diffdemo.codecs.records import State as AnyState
from diffdemo.codecs.rendering import DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.coding.tree_code import TREE_CODES, TreeStep, prior_sample, reproduce
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.posterior import PosteriorStep, ideal_bits_by_value, white_noise
from diffdemo.diffusion.pyramid import Pyramid, looks_at
from diffdemo.diffusion.rough import rough
from diffdemo.diffusion.samplers import ancestral, flow
from diffdemo.diffusion.spectrum import Basis, basis_for
from diffdemo.diffusion.views import Views
from diffdemo.images import Pixels, padded_pixels, to_image
from diffdemo.models.space import Space

MULTIPLE = 32
"""About what networks fill the sides of a picture up to, for judging their work."""
SAMPLER_EVALUATIONS = {Decoder.MEAN: 0, Decoder.FLOW: 11, Decoder.ANCESTRAL: 17}
"""Of the network, by decoder: what follows the last state of a file, a sampler's steps, and one for where it begins."""


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

    @property
    def memory(self) -> int:
        """Bytes of both tensors."""
        return 2 * self.z.numel() * self.z.element_size()


class DiffCPicture(CodedPicture):
    """A file of DiffC with the model that can decode it.

    Args:
        codec: that opened it.
        space: that model.
        file: whole or cut, checked against it.
    """

    def __init__(self, codec: Codec, space: Space, file: DiffCFile) -> None:
        self._codec = codec
        self.space = space
        self.file = file

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.file.head.width, self.file.head.height

    @property
    def num_bytes(self) -> int:
        """Of what there is of the file."""
        return self.file.num_bytes

    def frames(
        self, rendering: Rendering = DEFAULT_RENDERING, start: AnyState | None = None
    ) -> Iterator[Reconstruction]:
        """Posterior means along the file, then the chosen decoder on what there is of it; see `CodedPicture`."""
        decoder = self._codec.decoder_of(rendering)
        first = self.empty_state() if start is None else own_state(start)
        steps = self.file.steps()
        to_come = len(steps) - first.number + 1
        state = first
        for state in self.states(first, decoder=decoder, seed=rendering.seed):
            is_whole = self.file.end_bytes(steps[state.number - 1]) <= self.num_bytes
            yield Reconstruction(
                partial(self.image, state.x_hat, preview=True),
                state.num_bytes,
                state.number - first.number,
                to_come,
                state.sigma,
                Decoder.MEAN,
                state if is_whole else None,
            )
        taken = state.number - first.number
        for signal, done, of in self.render(state, rendering):
            picture = partial(self.image, signal, preview=done < of)
            yield Reconstruction(picture, self.num_bytes, taken + done, taken + of, state.sigma, decoder)

    def work(self, rendering: Rendering, start: AnyState | None = None) -> Work:
        """The evaluations that each step takes, and those of the decoder's sampler, all of which see little noise."""
        head, sampled = self.file.head, SAMPLER_EVALUATIONS[self._codec.decoder_of(rendering)]
        to_come = self.file.steps()[0 if start is None else start.number :]
        evaluations = sum(evaluations_at(step.sigma, self.space, head) for step in to_come)
        return Work(padded_pixels(head.width, head.height, MULTIPLE), evaluations + head.views * sampled)

    def bits_by_cell(self, original: Pixels | None, states: Sequence[AnyState]) -> CellBits | None:
        """Bits of each number's place in the signal, over all of its channels.

        A step takes the divergence of posterior and prior, which is a sum over the signal's values (Theis et al. 2022,
        eq. 4; `diffusion.posterior.ideal_bits`). The whole is scaled to what the file really takes.
        """
        if original is None or not states:
            return None
        x = self.space.to_signal(to_image(original))
        bits: NDArray[np.float64] = np.zeros(tuple(x.shape[2:]))
        before = self.empty_state()
        for state in map(own_state, states):
            if state.num_bytes <= self.num_bytes:
                bits += ideal_bits_by_value(x, before.x_hat, before.sigma, state.sigma).sum(dim=(0, 1)).numpy()
                before = state
        spent = 8 * (before.num_bytes - self.file.first_byte)
        return CellBits(bits * (spent / bits.sum()) if bits.sum() > 0 else bits, self.space.factor)

    def empty_state(self) -> State:
        """Before the first step: everything unknown, which is mid grey for models of pictures."""
        zero = torch.zeros(self.file.head.signal_shape)
        return State(zero, math.inf, zero, 0, self.file.first_byte)

    @torch.inference_mode()
    def states(self, start: State | None = None, *, decoder: Decoder = Decoder.MEAN, seed: int = 0) -> Iterator[State]:
        """The states that the file leads through, the last one perhaps by a step that is only half there.

        Args:
            start: a state of the same file to go on from.
            decoder, seed: decide how stages that were not received are filled in: drawn from the prior for ANCESTRAL,
                moved along the flow otherwise.
        """
        head = self.file.head
        denoiser, basis, key = denoiser_of(self.space, head), basis_of(self.space, head), shared_key(head.seed)
        state = start or self.empty_state()
        reader = self.file.reader()
        while planned := reader.next_step():
            symbols = reader.bits.symbols(planned.stages)
            if planned.number < state.number:
                continue
            if len(symbols) == 0:
                return
            tree_step = TreeStep(basis.classes(state.sigma), planned.stages, TREE_CODES[head.tree])
            step = PosteriorStep(state.sigma, planned.sigma)
            missing = None
            if len(symbols) < planned.stages and decoder is Decoder.ANCESTRAL:
                noise = basis.forward(white_noise(tuple(state.z.shape), seed, stream=-1))
                missing = prior_sample(noise, tree_step, key=key, number=planned.number)
            elif len(symbols) < planned.stages:
                forward = step.flow(state.z, state.x_hat) - step.mean(state.z, state.x_hat)
                missing = basis.forward(forward / step.scale)
            sample = reproduce(symbols, tree_step, key=key, number=planned.number, missing=missing)
            z = step.mean(state.z, state.x_hat) + step.scale * basis.backward(sample)
            end = min(self.num_bytes, self.file.end_bytes(planned))
            state = State(z, step.sigma_s, denoiser.denoise(z, step.sigma_s).cpu(), planned.number + 1, end)
            yield state

    def render(self, state: State, rendering: Rendering) -> Iterator[tuple[Tensor, int, int]]:
        """Make the most of the last state: (signal, work done, work in all); the last one is the result."""
        decoder = self._codec.decoder_of(rendering)
        is_mean = decoder is Decoder.MEAN or (decoder is Decoder.FLOW and rendering.realism == 0)
        if is_mean or math.isinf(state.sigma):
            yield state.x_hat, 1, 1
            return
        denoiser = denoiser_of(self.space, self.file.head)
        if self.space.bears_bfloat16:
            denoiser = rough(denoiser)
        if decoder is Decoder.FLOW:
            sampler = flow(denoiser, state.z, state.sigma, realism=rendering.realism)
        else:
            sampler = ancestral(denoiser, state.z, state.sigma, seed=rendering.seed)
        for signal, done, of in sampler:
            yield signal.cpu(), done + 1, of + 1

    def image(self, signal: Tensor, *, preview: bool = False) -> Tensor:
        """A signal as a picture, float32 [1,3,H,W] in [-1,1]; a preview may be a rougher one that is made sooner."""
        return self.space.to_image(signal, self.file.head.height, self.file.head.width, preview=preview)


def own_state(state: AnyState | None) -> State:
    """A state that came from this codec, as what it is."""
    assert isinstance(state, State), "a state of another codec"
    return state


def denoiser_of(space: Space, head: FileHead) -> Denoiser:
    """The model as a file wants it: told its prompt, shown as many views, in the resolutions of the file's version."""
    denoiser = space.denoiser(head.prompt)
    if has_pyramid(space, head.version):
        return Pyramid(denoiser, head.views)
    return denoiser if head.views == 1 else Views(denoiser, head.views)


def evaluations_at(sigma: float, space: Space, head: FileHead) -> float:
    """How many evaluations at full size the network's answer to a state of this noise level is worth."""
    if not has_pyramid(space, head.version):
        return head.views
    pixels = sum(
        padded_pixels(-(-head.width // look.factor), -(-head.height // look.factor), MULTIPLE)
        for look in looks_at(sigma, head.views)
    )
    return pixels / padded_pixels(head.width, head.height, MULTIPLE)


def basis_of(space: Space, head: FileHead) -> Basis:
    """The coordinates in which a file communicates its signal."""
    return basis_for(space.spectrum if head.version > 1 else None, head.signal_shape)


def has_pyramid(space: Space, version: int) -> bool:
    """Whether files of a version look at noisy states in lower resolutions: with models that have a spectrum."""
    return version > 1 and space.spectrum is not None


def shared_key(seed: int) -> tuple[int, int]:
    """Key of the file's shared randomness. normative."""
    return seed, 0x44696666
