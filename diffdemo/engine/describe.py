"""A file's own account of itself, from its header and the integers of its payload."""

from __future__ import annotations

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cdc_step import LARGEST_CODE, delta_of
from diffdemo.codecs.diffc import DiffC, end_bytes, steps_of
from diffdemo.codecs.diffc_plan import preset_of
from diffdemo.coding.container import VERSION, read_bitstream
from diffdemo.engine.records import FileInfo, Step
from diffdemo.errors import UnsupportedBitstream
from diffdemo.metrics import bits_per_pixel


def describe_file(data: bytes, known: dict[bytes, str]) -> FileInfo:
    """Read everything that can be read without a network.

    Args:
        data: a file, whole or cut.
        known: names of the installed models by fingerprint.

    Raises:
        BitstreamError: if it is none of ours.
    """
    bitstream = read_bitstream(data)
    header = bitstream.header
    kinds: dict[tuple[int, int], type[DiffC | Cdc]] = {(DiffC.codec_id, 3): DiffC, (Cdc.codec_id, 1): Cdc}
    kind = kinds.get((header.codec_id, len(header.parameters)))
    if kind is None:
        raise UnsupportedBitstream(f"The file was written by codec number {header.codec_id}, which is unknown here.")
    embedded = kind is DiffC
    return FileInfo(
        codec=kind.name,
        version=VERSION,
        model=known.get(header.fingerprint),
        fingerprint=header.fingerprint.hex(),
        width=header.width,
        height=header.height,
        seed=header.parameters[0] if embedded else None,
        preset=preset_of(header.parameters[1]) if embedded else None,
        delta=None if embedded else delta_of(min(header.parameters[0], LARGEST_CODE)),
        is_embedded=kind.is_embedded,
        header_bytes=bitstream.header_bytes,
        num_bytes=bitstream.num_bytes,
        whole_bytes=bitstream.header_bytes + header.payload_bytes,
        bpp=bits_per_pixel(bitstream.num_bytes, header.width, header.height),
        is_cut=bitstream.is_cut,
        is_damaged=bitstream.is_damaged,
        steps=tuple(
            Step(
                number=s.number + 1,
                sigma=s.sigma,
                bits=2 * s.stages,
                side_bits=s.side_bits,
                end_bytes=end_bytes(bitstream, s),
                received=end_bytes(bitstream, s) <= bitstream.num_bytes,
            )
            for s in (steps_of(bitstream) if embedded else ())
        ),
    )
