"""What a codec is: an image into bytes, and bytes into a sequence of reconstructions.

Two kinds of progress must not be confused. `num_bytes` grows where more of the file has been used; `step` grows where
only more work has been done on the same bytes.

Engine, page, command line, batch and evaluation know codecs by this contract alone. `codecs.registry` lists them, and
`tests/contract` holds every one of them to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.records import (
    CellBits,
    Description,
    Encoded,
    Preset,
    Rates,
    Reconstruction,
    State,
    Target,
    Work,
    Working,
)
from diffdemo.codecs.rendering import DECODERS, DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.errors import RateError
from diffdemo.images import Pixels
from diffdemo.models.spec import ModelFiles, ModelSpec


class CodedPicture(ABC):
    """A file that has been opened by the codec and the model that can decode it."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""

    @property
    @abstractmethod
    def num_bytes(self) -> int:
        """Of what there is of the file."""

    @abstractmethod
    def frames(
        self, rendering: Rendering = DEFAULT_RENDERING, start: State | None = None
    ) -> Iterator[Reconstruction | Working]:
        """Reconstructions, coarse to fine, at least one and one at the end; how far one is, where it takes long.

        Args:
            rendering: what to do about what was not sent.
            start: of an embedded file, a state to go on from; steps are counted from there.

        Raises:
            BitstreamError: the payload is not what an encoder writes.
            RateError: a decoder of another codec.
        """

    @abstractmethod
    def work(self, rendering: Rendering, start: State | None = None) -> Work:
        """What that will compute; arguments as for `frames`.

        Raises:
            RateError: a decoder of another codec.
        """

    def bits_by_cell(self, original: Pixels | None, states: Sequence[State]) -> CellBits | None:
        """Where in the picture the bits went; None if that cannot be known.

        Args:
            original: uint8 [H,W,3], if it is known.
            states: that a decode of an embedded file came by, in order.
        """
        return None


class Codec(ABC):
    """The contract.

    Attributes:
        name: what users type.
        label: what they read.
        sentence: what it is, in one.
        codec_id: what stands in files.
        is_embedded: whether every prefix of a file is a file.
        decoders: what it can do about the bits that were not sent, the default first.
        facts: names of what its files state; see `Description`.
        rates: that make sense for it.
        options: which of "preset" and "seed" its encoder reads; whether a prompt is of use is up to the model.
        is_one_rate: whether each of its models has one rate, so that it takes all of them to make a curve.
        foreign_formats: files of other programs that it writes and reads, by the suffixes that these have.
        fingerprint: first four bytes of the SHA-256 of the weight file.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    sentence: ClassVar[str]
    codec_id: ClassVar[int]
    is_embedded: ClassVar[bool]
    decoders: ClassVar[tuple[Decoder, ...]]
    facts: ClassVar[tuple[str, ...]]
    rates: ClassVar[Rates]
    options: ClassVar[tuple[str, ...]] = ()
    is_one_rate: ClassVar[bool] = False
    foreign_formats: ClassVar[tuple[str, ...]] = ()
    fingerprint: bytes

    @classmethod
    @abstractmethod
    def load(cls, spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> Codec:
        """The codec with one of its models.

        Args:
            spec: the model.
            weights: its files, for one that comes from the Hub.
            device: where its networks go.

        Raises:
            WeightsError: missing, damaged, or of another architecture.
        """

    @classmethod
    @abstractmethod
    def describe(cls, data: bytes) -> Description:
        """What a file of this codec says about itself, whole or cut.

        Raises:
            BitstreamError: it is none that an encoder writes.
        """

    @abstractmethod
    def encode_progressively(
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Encoded | Working]:
        """Encode; every `Encoded` carries a whole file, and the last moment is one that meets the target.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality, or both; with neither, what suits the codec.
            preset: how much work for how few bits, where there is something to search for.
            seed: 0 to 2^32 - 1, of the randomness that both sides share, where there is any.
            prompt: what the picture shows, for models that can be told; it becomes a part of the file.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: the target cannot be met, or an option is of no use.
        """

    def resume(self, pixels: Pixels, target: Target, begun: bytes, start: State | None = None) -> Iterator[Encoded]:
        """Go on with an encode that ended early: the file that it would have written, had it not ended.

        Args:
            pixels: uint8 [H,W,3], the picture of the file.
            target: see `encode_progressively`.
            begun: the file so far, which says the preset, the seed and the prompt.
            start: a state of it, if one is known; from there on it is decoded first.

        Raises:
            BitstreamError: the file is none of this codec and model.
            RateError: it cannot be gone on with.
        """
        raise RateError(f"{self.label} writes a file in one piece; there is nothing to go on with.")

    @abstractmethod
    def coded(self, data: bytes) -> CodedPicture:
        """The picture in a file, or in any prefix of one of an embedded codec, ready to be decoded.

        Raises:
            BitstreamError: it is none that this codec and model can decode.
        """

    @abstractmethod
    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute."""

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset = Preset.BALANCED, seed: int = 0) -> bytes:
        """A file that meets the target; see `encode_progressively`."""
        *_, last = self.encode_progressively(pixels, target, preset=preset, seed=seed)
        assert isinstance(last, Encoded)
        return last.data

    def decode(self, data: bytes, rendering: Rendering = DEFAULT_RENDERING) -> Iterator[Reconstruction]:
        """Reconstructions from a file; see `CodedPicture.frames`.

        Raises:
            BitstreamError, RateError.
        """
        for moment in self.coded(data).frames(rendering):
            if isinstance(moment, Reconstruction):
                yield moment

    def encode_foreign(self, pixels: Pixels, file_format: str) -> bytes:
        """A file for another program.

        Args:
            pixels: uint8 [H,W,3].
            file_format: one of `foreign_formats`.

        Raises:
            ImageError: no picture, too large a one, or one that the format cannot hold.
        """
        raise NotImplementedError(file_format)

    def coded_foreign(self, data: bytes, file_format: str) -> CodedPicture:
        """The picture in a file of another program, ready to be decoded.

        Args:
            data: the file, which need not say which model wrote it: whoever calls has to know.
            file_format: one of `foreign_formats`.

        Raises:
            BitstreamError: it is none that this codec and model can decode.
        """
        raise NotImplementedError(file_format)

    def files(self, pixels: Pixels, targets: Sequence[Target]) -> Iterator[bytes]:
        """Files of a picture over a range of rates, by rising size.

        Args:
            pixels: uint8 [H,W,3].
            targets: what each has to meet; one that cannot be met is passed over. Without any, what suits the codec.

        Raises:
            ImageError: no picture, or too large a one.
        """
        for target in targets or [Target()]:
            try:
                yield self.encode(pixels, target)
            except RateError:
                continue

    def work_of_files(self, width: int, height: int) -> Work:
        """What `files` will compute without targets."""
        return self.work_of_encode(width, height, Target(), Preset.BALANCED)

    @property
    def quickest(self) -> Rendering:
        """How to get a picture of a file that is worth looking at in the least time."""
        return DEFAULT_RENDERING

    def ceiling(self, pixels: Pixels) -> Tensor | None:
        """What the codec makes of a picture at any rate, however high, float32 [1,3,H,W]; None if that is the picture.

        Args:
            pixels: uint8 [H,W,3].
        """
        return None

    def evaluate_once(self, width: int, height: int) -> None:
        """Run the network on grey, for whoever wants to know how long that takes."""
        grey = np.full((height, width, 3), 128, np.uint8)
        list(self.decode(self.encode(grey, Target())))

    @classmethod
    def decoder_of(cls, rendering: Rendering) -> Decoder:
        """The decoder that a rendering asks for.

        Raises:
            RateError: the codec does not have it.
        """
        chosen = rendering.decoder or cls.decoders[0]
        if chosen not in cls.decoders:
            raise RateError(
                f"The file is one of {cls.label}, which has no decoder '{chosen}'; "
                f"choose one of: {', '.join(cls.decoders)}."
            )
        return chosen

    @classmethod
    def knobs_of(cls, decoder: Decoder) -> tuple[str, ...]:
        """Names of the fields of a rendering that change what this codec makes of a file by one of its decoders."""
        return DECODERS[decoder].knobs

    @classmethod
    def require_foreign(cls, file_format: str) -> None:
        """Check that the codec has a format of another program.

        Raises:
            RateError: it has not.
        """
        if file_format not in cls.foreign_formats:
            known = f"; choose one of: {', '.join(cls.foreign_formats)}." if cls.foreign_formats else " beside its own."
            raise RateError(f"{cls.label} has no file format '{file_format}'{known}")

    @classmethod
    def curve_name(cls, rendering: Rendering) -> str:
        """What results call the curve of a decoder: "diffc flow 0.5"."""
        return f"{cls.name} {cls.decoder_of(rendering)}"
