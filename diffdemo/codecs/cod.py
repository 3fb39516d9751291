"""CoD-Lite: a picture as a small map of codes, and a diffusion decoder that needs one step.

    encoder                                       decoder
    x --encode--> vectors --nearest--> codes      codes --file--> context --one step--> picture

A model has one rate: its codes cover 4x4 to 32x32 pixels and have 4 or 8 bits. There is nothing to choose, neither in
the encoder nor in the decoder, and nothing random.

Source: Jia et al. 2026, "CoD-Lite: Real-Time Diffusion-Based Generative Image Compression" (arXiv:2604.12525).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.cod_file import cod_sides, read_cod, write_cod
from diffdemo.codecs.cod_payload import Codes, max_payload_bytes, read_payload, write_payload
from diffdemo.codecs.records import Description, Encoded, Preset, Rates, Reconstruction, State, Target, Work, Working
from diffdemo.codecs.rendering import DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.coding.container import (
    Bitstream,
    Header,
    read_bitstream,
    require_model,
    require_payload_within,
    require_sides,
    require_whole,
    write_bitstream,
)
from diffdemo.errors import CorruptBitstream, ImageError, RateError
from diffdemo.images import MAX_PIXELS, Pixels, mirrored, padded_pixels, require_pixels
from diffdemo.models.cod.model import CodModel
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.conversion import CONVERSIONS
from diffdemo.models.evaluation import finished
from diffdemo.models.spec import Kind, ModelFiles, ModelSpec

VERSIONS = (1,)
"""Of the container, that this codec has written."""


@dataclass(frozen=True, slots=True)
class CodContent:
    """A picture as CoD-Lite sees it.

    Attributes:
        width, height: of the picture.
        codes: of the picture after padding, [h,w].
    """

    width: int
    height: int
    codes: Codes


class CodLite(Codec):
    """The codec with the model of one rate.

    Args:
        model: of that rate.
        fingerprint: first four bytes of the SHA-256 of its weight file.
    """

    name: ClassVar = "cod-lite"
    label: ClassVar = "CoD-Lite"
    sentence: ClassVar = "A map of codes, and one step to a picture."
    codec_id: ClassVar = 3
    is_embedded: ClassVar = False
    decoders: ClassVar = (Decoder.DETERMINISTIC,)
    facts: ClassVar = ("stride", "code_bits")
    rates: ClassVar = Rates(usual=0.03, most=0.5)
    is_one_rate: ClassVar = True
    foreign_formats: ClassVar = ("cod",)

    def __init__(self, model: CodModel, *, fingerprint: bytes) -> None:
        self.model = model
        self.fingerprint = fingerprint

    @classmethod
    def load(cls, spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> CodLite:
        """The codec with one of its models; see `Codec`."""
        model = CodModel.load(spec.path if weights is None else weights.files[CONVERSIONS[Kind.COD].key], device=device)
        return cls(model, fingerprint=bytes.fromhex(model.sha256[:8]) if weights is None else weights.fingerprint)

    @classmethod
    def knobs_of(cls, decoder: Decoder) -> tuple[str, ...]:
        """None: the decoder takes one step; see `Codec`."""
        return ()

    @classmethod
    def describe(cls, data: bytes) -> Description:
        """What a file says about itself; see `Codec`."""
        bitstream = read_bitstream(data, VERSIONS)
        shape = rate_of(bitstream.header)
        return Description({"stride": shape.stride, "code_bits": shape.bits}, bitstream.header_bytes)

    def encode_progressively(
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Encoded | Working]:
        """How far encoder and then decoder are, and the file with its picture; arguments as for `encode`.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: the file is longer than the target allows, or there is a prompt.
        """
        if prompt:
            raise RateError(f"{self.label} takes no prompt; please leave it empty.")
        padded = self._padded(pixels)
        encoder = self.model.cost_of_encoding(*padded.shape[2:])
        total = encoder + self.model.cost_of_decoding(self._count(pixels.shape[1], pixels.shape[0]))
        codes = yield from Working.along(self.model.encoding(padded), 0, total)
        content = CodContent(pixels.shape[1], pixels.shape[0], codes.numpy().astype(np.int32))
        data = self._within(content, target)
        image = self._cut((yield from Working.along(self.model.decoding(codes), encoder, total)), content)
        yield Encoded(data, Reconstruction(lambda: image, len(data), 1, 1, 0.0, Decoder.DETERMINISTIC), done=True)

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset = Preset.BALANCED, seed: int = 0) -> bytes:
        """The file of a picture; the model has only one.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes that the file must not exceed. A quality is reached or not: another one is another model.
            preset: not used: there is nothing to search for.
            seed: not used: the file has no randomness.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: the file is longer than the target allows.
        """
        return self._within(self.analyse(pixels), target)

    def _within(self, content: CodContent, target: Target) -> bytes:
        """The file, if the target allows it."""
        file = self.write(content)
        if target.num_bytes is not None and len(file) > target.num_bytes:
            raise RateError(
                f"{target.num_bytes} bytes are too few for this picture: this CoD-Lite model needs {len(file)}. "
                f"Please allow at least {len(file)} bytes, or take a model of a lower rate."
            )
        return file

    def analyse(self, pixels: Pixels) -> CodContent:
        """The codes of a picture, mirrored to the right and below until its sides are multiples.

        Raises:
            ImageError: no picture, or too large a one.
        """
        codes = self.model.codes(self._padded(pixels))
        return CodContent(pixels.shape[1], pixels.shape[0], codes.numpy().astype(np.int32))

    def _padded(self, pixels: Pixels) -> Tensor:
        """What the encoder is shown, [1,3,H,W] in [0,1]; raises as `analyse`."""
        require_pixels(pixels)
        height, width = pixels.shape[:2]
        require_sides(width, height)
        if self._padded_pixels(width, height) > MAX_PIXELS:
            raise ImageError(
                f"The picture has {width} x {height} pixels; CoD-Lite takes at most {MAX_PIXELS:,} after padding "
                f"to multiples of {self.model.shape.multiple}. Please make it smaller."
            )
        picture = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
        return mirrored(picture, self.model.shape.multiple).float() / 255

    def write(self, content: CodContent) -> bytes:
        """The file of a picture."""
        return write_bitstream(
            codec_id=self.codec_id,
            fingerprint=self.fingerprint,
            width=content.width,
            height=content.height,
            parameters=(rate_number(self.model.shape),),
            payload=write_payload(content.codes, self.model.shape.bits),
        )

    def coded(self, data: bytes) -> CodPicture:
        """The picture in a whole file; see `Codec`."""
        bitstream = self.open(data)
        size = bitstream.header.width, bitstream.header.height
        return CodPicture(self, size, bitstream.num_bytes, partial(self.read, bitstream))

    def encode_foreign(self, pixels: Pixels, file_format: str) -> bytes:
        """The picture as a `.cod` file for the authors' tools, which does not say how it was padded; see `Codec`."""
        return write_cod(self.analyse(pixels).codes, self.model.shape)

    def coded_foreign(self, data: bytes, file_format: str) -> CodPicture:
        """The picture of a `.cod` file that the authors' tools wrote with the model of this rate; see `Codec`."""
        content = self.read_cod(data)
        return CodPicture(self, (content.width, content.height), len(data), lambda: content)

    def read_cod(self, data: bytes) -> CodContent:
        """What a file of the authors' tools says.

        Raises:
            BitstreamError: the file is not whole, not of this model, or of too large a picture.
        """
        self._require_decodable(*cod_sides(data))
        width, height, codes = read_cod(data, self.model.shape)
        return CodContent(width, height, codes)

    def picture(self, content: CodContent) -> Tensor:
        """float32 [1,3,H,W] in [-1,1]; grey where a file of the authors' tools has no codes."""
        return finished(self.decoding(content))

    def decoding(self, content: CodContent) -> Generator[Working, None, Tensor]:
        """How far it is, and then the picture."""
        codes = torch.from_numpy(content.codes).long()
        total = self.model.cost_of_decoding(codes.numel())
        return self._cut((yield from Working.along(self.model.decoding(codes), 0, total)), content)

    def _cut(self, picture: Tensor, content: CodContent) -> Tensor:
        """As large as it is meant to be, and within its range."""
        known = picture.clamp(-1, 1)
        rows, columns = min(content.height, known.shape[2]), min(content.width, known.shape[3])
        if (rows, columns) == (content.height, content.width):
            return known[:, :, :rows, :columns].contiguous()
        whole = torch.zeros(1, 3, content.height, content.width)
        whole[:, :, :rows, :columns] = known[:, :, :rows, :columns]
        return whole

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute: one run of the encoder."""
        return Work(self._padded_pixels(width, height), 1)

    def open(self, data: bytes) -> Bitstream:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        bitstream = read_bitstream(data, VERSIONS)
        header = bitstream.header
        rate_of(header)
        self._require_decodable(header.width, header.height)
        require_model(header.fingerprint, self.fingerprint)
        if header.parameters[0] != rate_number(self.model.shape):
            raise CorruptBitstream("The file's header names another rate than that of the model it was written with.")
        require_payload_within(
            bitstream, max_payload_bytes(self._count(header.width, header.height), self.model.shape.bits)
        )
        require_whole(bitstream, self.label)
        return bitstream

    def read(self, bitstream: Bitstream) -> CodContent:
        """What a file says.

        Raises:
            CorruptBitstream: the payload is not what an encoder writes.
        """
        header, shape = bitstream.header, self.model.shape
        down, across = self._grid(header.width, header.height)
        codes = read_payload(bitstream.payload, down, across, shape.bits)
        return CodContent(header.width, header.height, codes)

    def _require_decodable(self, width: int, height: int) -> None:
        if self._padded_pixels(width, height) > MAX_PIXELS:
            raise CorruptBitstream(
                f"The file claims {width} x {height} pixels; CoD-Lite decodes at most {MAX_PIXELS:,} after padding."
            )

    def _padded_pixels(self, width: int, height: int) -> int:
        return padded_pixels(width, height, self.model.shape.multiple)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Rows and columns of the codes of a picture."""
        multiple, stride = self.model.shape.multiple, self.model.shape.stride
        return -(-height // multiple) * multiple // stride, -(-width // multiple) * multiple // stride

    def _count(self, width: int, height: int) -> int:
        down, across = self._grid(width, height)
        return down * across


class CodPicture(CodedPicture):
    """A whole file, and the codec that can decode it.

    Args:
        codec: that opened it.
        size: width and height of its picture.
        num_bytes: of the file.
        read: says what is in it.
    """

    def __init__(self, codec: CodLite, size: tuple[int, int], num_bytes: int, read: Callable[[], CodContent]) -> None:
        self._codec, self._size, self._num_bytes, self._read = codec, size, num_bytes, read

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self._size

    @property
    def num_bytes(self) -> int:
        """Of the file."""
        return self._num_bytes

    def frames(
        self, rendering: Rendering = DEFAULT_RENDERING, start: State | None = None
    ) -> Iterator[Reconstruction | Working]:
        """How far the decoder is, and the picture; see `CodedPicture`."""
        decoder = self._codec.decoder_of(rendering)
        image = yield from self._codec.decoding(self._read())
        yield Reconstruction(lambda: image, self.num_bytes, 1, 1, 0.0, decoder)

    def work(self, rendering: Rendering, start: State | None = None) -> Work:
        """One run of the decoder."""
        return Work(padded_pixels(*self._size, self._codec.model.shape.multiple), 1)


def rate_number(shape: CodShape) -> int:
    """The number in a header that says of which rate a model is: 16 log2(stride) + bits."""
    return 16 * (shape.stride.bit_length() - 1) + shape.bits


def rate_of(header: Header) -> CodShape:
    """The sizes, apart from their widths, of the networks that wrote a file; known without the model.

    Raises:
        CorruptBitstream: the header's number is none that an encoder writes.
    """
    if header.codec_id != CodLite.codec_id or len(header.parameters) != 1:
        raise CorruptBitstream("The file was not written by CoD-Lite.")
    exponent, bits = divmod(header.parameters[0], 16)
    try:
        return CodShape(1 << min(exponent, 16), bits)
    except ValueError as error:
        raise CorruptBitstream("The file's header names a rate that no CoD-Lite model has.") from error
