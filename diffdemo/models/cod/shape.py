"""What has to be known to build the networks of CoD-Lite before their weights can be loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

STRIDES = (4, 8, 16, 32)
PATCH = 16
"""Side, in pixels, of the patches that the decoder works on."""
MAX_SIZE = 4096
"""Of channels and blocks: a file must not make anybody build more than that to find out that it does not fit."""


@dataclass(frozen=True, slots=True)
class CodShape:
    """Sizes of the networks; the defaults are those of the released models, which differ in `stride` and `bits` alone.

    Attributes:
        stride: pixels, along each side, that share a code: 4, 8, 16 or 32.
        bits: of a code; the codebook has 2^bits vectors.
        width: channels of the decoder.
        pixel_width: channels of the decoder's last layers, which see single pixels.
        blocks: of the decoder that see patches.
        pixel_blocks: of the decoder that see single pixels.
        patch_channels: that a noisy picture, if there is one, is brought to.
        encoder_width: channels of the encoder's finest stage.
        code_channels: of the codebook's vectors.
        groups: of every group normalisation.

    Raises:
        ValueError: if no such network can be built.
    """

    stride: int
    bits: int
    width: int = 384
    pixel_width: int = 32
    blocks: int = 21
    pixel_blocks: int = 3
    patch_channels: int = 128
    encoder_width: int = 128
    code_channels: int = 128
    groups: int = 32

    def __post_init__(self) -> None:
        if self.stride not in STRIDES:
            raise ValueError(f"a stride of {self.stride}; expected one of {STRIDES}")
        if not 1 <= self.bits <= 8:
            raise ValueError(f"codes of {self.bits} bits; expected 1 to 8")
        if not 1 <= min(asdict(self).values()) <= max(asdict(self).values()) <= MAX_SIZE:
            raise ValueError(f"a size outside 1 to {MAX_SIZE}")
        if self.width % self.groups or self.encoder_width % self.groups:
            raise ValueError(f"channels that cannot be divided into {self.groups} groups")

    @property
    def multiple(self) -> int:
        """What the sides of a padded picture are multiples of."""
        return max(PATCH, self.stride)

    @property
    def bits_per_pixel(self) -> float:
        """Rate of codes of fixed length."""
        return self.bits / self.stride**2

    def to_metadata(self) -> dict[str, str]:
        """The shape as strings, the only type that a safetensors header holds."""
        return {name: str(size) for name, size in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> CodShape:
        """Inverse of `to_metadata`.

        Raises:
            KeyError, ValueError: if an entry is missing or not what it should be.
        """
        return cls(**{each.name: int(metadata[each.name]) for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class TransformerShape(CodShape):
    """Sizes of CoD's networks on pixels, whose blocks are transformers; `width`, `blocks` and so on as above.

    Attributes:
        heads: of attention.
        hidden: channels of the perceptrons between.

    Raises:
        ValueError: if no such network can be built.
    """

    heads: int = 16
    hidden: int = 3072

    def __post_init__(self) -> None:
        CodShape.__post_init__(self)
        if self.width % (4 * self.heads):
            raise ValueError(f"{self.width} channels that cannot be turned in pairs for {self.heads} heads")
