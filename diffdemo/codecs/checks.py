"""What a file must fulfil before a codec decodes it."""

from __future__ import annotations

from diffdemo.coding.container import Bitstream
from diffdemo.errors import CorruptBitstream, ModelMismatch, TruncatedBitstream


def require_model(written_with: bytes, ours: bytes) -> None:
    """Check that a file was written with the weights that are here, both named by four bytes.

    Raises:
        ModelMismatch: if not.
    """
    if written_with != ours:
        raise ModelMismatch(
            f"The file was written with model {written_with.hex()}; this one is {ours.hex()}. "
            "Only the same weights can decode it."
        )


def require_payload_within(bitstream: Bitstream, most: int) -> None:
    """Check that a header does not claim more bytes than any picture of its size takes.

    Args:
        bitstream: the file.
        most: bytes of a payload whose every symbol is as dear as a symbol can be.

    Raises:
        CorruptBitstream: if it does.
    """
    header = bitstream.header
    if header.payload_bytes > most:
        raise CorruptBitstream(
            f"The file claims {header.payload_bytes:,} bytes for {header.width} x {header.height} pixels; "
            "no picture of this size takes so many."
        )


def require_whole(bitstream: Bitstream, codec: str) -> None:
    """Check that a file of a codec that is not embedded is complete and intact.

    Args:
        bitstream: the file.
        codec: its label, for the message.

    Raises:
        TruncatedBitstream, CorruptBitstream: if not.
    """
    if bitstream.is_cut:
        raise TruncatedBitstream(
            f"The file ends after {bitstream.num_bytes:,} of "
            f"{bitstream.header_bytes + bitstream.header.payload_bytes:,} bytes. A {codec} file cannot be decoded in "
            "part; please fetch it again, whole."
        )
    if bitstream.is_damaged:
        raise CorruptBitstream("The file is damaged: its check value does not match. Please fetch it again.")
