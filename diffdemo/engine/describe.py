"""A file's own account of itself, from its header and the integers of its payload."""

from __future__ import annotations

from diffdemo.codecs.registry import codec_numbered, fact_names
from diffdemo.coding.container import Bitstream, read_bitstream
from diffdemo.coding.damage import wrong_bits
from diffdemo.engine.records import FileInfo
from diffdemo.metrics.distortion import bits_per_pixel


def describe_file(data: bytes, known: dict[bytes, str]) -> FileInfo:
    """Read what can be read without a network; `known` are names of the installed models by fingerprint.

    Raises:
        BitstreamError: if it is none of ours.
    """
    bitstream = read_bitstream(data)
    header = bitstream.header
    codec = codec_numbered(header.codec_id)
    description = codec.describe(data)
    return FileInfo(
        codec=codec.name,
        version=header.version,
        model=known.get(header.fingerprint),
        fingerprint=header.fingerprint.hex(),
        width=header.width,
        height=header.height,
        facts=dict.fromkeys(fact_names()) | dict(description.facts),
        is_embedded=codec.is_embedded,
        header_bytes=description.header_bytes,
        num_bytes=bitstream.num_bytes,
        whole_bytes=bitstream.header_bytes + header.payload_bytes,
        bpp=bits_per_pixel(bitstream.num_bytes, header.width, header.height),
        is_cut=bitstream.is_cut,
        is_damaged=bitstream.is_damaged,
        steps=description.steps,
        suspects=_suspects(bitstream) if bitstream.is_damaged else (),
    )


def _suspects(bitstream: Bitstream) -> tuple[int, ...]:
    bits = wrong_bits(bitstream.payload, bitstream.header.payload_check)
    return tuple(bitstream.header_bytes + bit // 8 for bit in bits)
