"""A file's own account of itself, from its header and the integers of its payload."""

from __future__ import annotations

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
    if header.codec_id != DiffC.codec_id or len(header.parameters) != 3:
        raise UnsupportedBitstream(f"The file was written by codec number {header.codec_id}, which is unknown here.")
    seed, tree, _ = header.parameters
    steps = steps_of(bitstream)
    return FileInfo(
        codec=DiffC.name,
        version=VERSION,
        model=known.get(header.fingerprint),
        fingerprint=header.fingerprint.hex(),
        width=header.width,
        height=header.height,
        seed=seed,
        preset=preset_of(tree),
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
            for s in steps
        ),
    )
