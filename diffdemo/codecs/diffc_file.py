"""What a DiffC file says before its first step: randomness, geometry, the shape of what is communicated, the prompt.

    header: seed, tree, growth [, views] [, shape, bytes of the prompt] | payload: [prompt] steps

Files of one view leave the first bracket out, models of pictures without a prompt the second.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from diffdemo.codecs.diffc_payload import PayloadReader, PayloadStep, StageRule, max_payload_bytes, read_steps
from diffdemo.coding.container import (
    Bitstream,
    Header,
    read_bitstream,
    require_payload_within,
    write_bitstream,
)
from diffdemo.diffusion.views import MAX_VIEWS
from diffdemo.errors import CorruptBitstream, RateError, TruncatedBitstream
from diffdemo.images import MAX_PIXELS

# normative: what is written here.
CODEC_ID = 1
VERSION = 2
TREES = {1: (0, 1, 2), 2: (3, 4, 5)}
"""Numbers of the tree codes that files of each version have."""
LARGEST_SEED = (1 << 32) - 1
LARGEST_GROWTH = 1 << 14
LARGEST_FACTOR = 64
MAX_CHANNELS = 64
MAX_PROMPT_BYTES = 1200


@dataclass(frozen=True, slots=True)
class FileHead:
    """Everything that a decoder has to know before the first step.

    Attributes:
        fingerprint: four bytes that name the weights.
        width, height: of the picture, in pixels.
        seed: of the shared randomness.
        tree: number of the tree code, see `coding.tree_code`.
        growth: of the steps, see `diffc_payload`.
        views: that the model is shown of every state, see `diffusion.views`.
        channels, factor: of the signal: [channels, ceil(height / factor), ceil(width / factor)] numbers.
        prompt: what the picture shows, for models that are told; "" for nothing.
        version: of the payload: how the model looks at a state, and in which classes its error is communicated.
    """

    fingerprint: bytes
    width: int
    height: int
    seed: int
    tree: int
    growth: int
    views: int = 1
    channels: int = 3
    factor: int = 1
    prompt: str = ""
    version: int = VERSION

    @property
    def signal_shape(self) -> tuple[int, int, int, int]:
        """Of the tensor that is communicated: [1, C, ceil(H / factor), ceil(W / factor)]."""
        return 1, self.channels, -(-self.height // self.factor), -(-self.width // self.factor)

    @property
    def dimensions(self) -> int:
        """How many numbers are communicated."""
        _, channels, height, width = self.signal_shape
        return channels * height * width

    @property
    def rule(self) -> StageRule:
        """How long its steps are."""
        return StageRule(self.growth, self.dimensions, self.version)

    def overhead(self, payload_bytes: int) -> int:
        """Bytes of a file before its steps, if its payload is no longer than so many bytes."""
        header = Header(CODEC_ID, self.fingerprint, self.width, self.height, self._parameters(), payload_bytes, 0)
        return len(header.to_bytes()) + len(self.prompt.encode())

    def to_file(self, steps: bytes) -> bytes:
        """The whole file."""
        return write_bitstream(
            codec_id=CODEC_ID,
            fingerprint=self.fingerprint,
            width=self.width,
            height=self.height,
            parameters=self._parameters(),
            payload=self.prompt.encode() + steps,
            version=self.version,
        )

    def _parameters(self) -> tuple[int, ...]:
        plain: tuple[int, ...] = (self.seed, self.tree, self.growth)
        if self.views > 1:
            plain = (*plain, self.views)
        if (self.channels, self.factor, self.prompt) == (3, 1, ""):
            return plain
        return *plain, self.channels << 8 | self.factor, len(self.prompt.encode())


@dataclass(frozen=True, slots=True)
class DiffCFile:
    """A parsed file, whole or cut.

    Attributes:
        head: see `FileHead`.
        bitstream: header and payload as they lie in the file.
        prompt_bytes: of the payload, before its first step.
    """

    head: FileHead
    bitstream: Bitstream
    prompt_bytes: int

    @property
    def num_bytes(self) -> int:
        """Of the file as it is here."""
        return self.bitstream.num_bytes

    @property
    def first_byte(self) -> int:
        """Where the steps begin in the file."""
        return self.bitstream.header_bytes + self.prompt_bytes

    def reader(self) -> PayloadReader:
        """At the first step."""
        return PayloadReader(*self._steps)

    def steps(self) -> list[PayloadStep]:
        """All steps whose beginning is here, read without a network."""
        return read_steps(*self._steps)

    def end_bytes(self, step: PayloadStep) -> int:
        """Shortest prefix of the file that holds a step, header included."""
        return self.first_byte - (-step.end_bit // 8)

    @property
    def _steps(self) -> tuple[bytes, int, StageRule]:
        """What is here of the payload behind the prompt, its whole length, and the rule of its steps."""
        here = self.bitstream.payload[self.prompt_bytes :]
        whole_bytes = self.bitstream.header.payload_bytes - self.prompt_bytes
        return here, whole_bytes, self.head.rule


def read_file(data: bytes) -> DiffCFile:
    """Parse a DiffC file, whole or cut.

    Raises:
        BitstreamError: it is none, or asks for what no encoder writes.
    """
    bitstream = read_bitstream(data)
    header = bitstream.header
    if header.codec_id != CODEC_ID or len(header.parameters) not in (3, 4, 5, 6):
        raise CorruptBitstream("The file was not written by DiffC.")
    seed, tree, growth, *more = header.parameters
    views = more.pop(0) if len(more) % 2 else 1
    shape, prompt_bytes = more or (3 << 8 | 1, 0)
    channels, factor = shape >> 8, shape & 255
    is_known = tree in TREES[header.version] and seed <= LARGEST_SEED and prompt_bytes <= MAX_PROMPT_BYTES
    if not (is_known and 1 <= growth <= LARGEST_GROWTH and 1 <= views <= MAX_VIEWS):
        raise CorruptBitstream("The file's header asks for settings that no encoder writes.")
    if not (1 <= channels <= MAX_CHANNELS and 1 <= factor <= LARGEST_FACTOR):
        raise CorruptBitstream("The file's header asks for a kind of signal that no model has.")
    if header.width * header.height > MAX_PIXELS:
        raise CorruptBitstream(
            f"The file claims {header.width} x {header.height} pixels; at most {MAX_PIXELS:,} are decoded here."
        )
    prompt = _prompt_of(bitstream, prompt_bytes)
    head = FileHead(
        *(header.fingerprint, header.width, header.height, seed, tree, growth, views, channels, factor, prompt),
        version=header.version,
    )
    require_payload_within(bitstream, max_payload_bytes(head.dimensions) + prompt_bytes)
    return DiffCFile(head, bitstream, prompt_bytes)


def require_prompt(prompt: str) -> None:
    """Check that a prompt can be written into a file.

    Raises:
        RateError: if it is too long, or holds what is no text.
    """
    if not _is_text(prompt):
        raise RateError("The prompt holds characters that are no text, such as control codes. Please type it anew.")
    size = len(prompt.encode())
    if size > MAX_PROMPT_BYTES:
        raise RateError(f"The prompt has {size} bytes; at most {MAX_PROMPT_BYTES} fit into a file.")


def _prompt_of(bitstream: Bitstream, prompt_bytes: int) -> str:
    if prompt_bytes > bitstream.header.payload_bytes:
        raise CorruptBitstream("The file's header promises a longer prompt than the file ever held.")
    if len(bitstream.payload) < prompt_bytes:
        raise TruncatedBitstream("The file ends inside its prompt; nothing can be decoded from it.")
    prompt = bitstream.payload[:prompt_bytes].decode(errors="surrogateescape")
    if not _is_text(prompt):
        raise CorruptBitstream("The file's prompt is damaged: it is no text.")
    return prompt


def _is_text(prompt: str) -> bool:
    """Whether a text is valid Unicode without control codes, which a terminal would obey, but those for layout."""
    return all(character in "\t\n\r" or unicodedata.category(character) not in ("Cc", "Cs") for character in prompt)
