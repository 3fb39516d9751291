"""A file's own account of itself, from its header and the integers of its payload."""

from __future__ import annotations

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cdc_step import LARGEST_CODE, delta_of
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import DiffCFile, read_file
from diffdemo.codecs.diffc_plan import preset_of
from diffdemo.coding.container import VERSION, Bitstream, read_bitstream
from diffdemo.engine.records import FileInfo, Step
from diffdemo.errors import UnsupportedBitstream
from diffdemo.metrics.distortion import bits_per_pixel


def describe_file(data: bytes, known: dict[bytes, str]) -> FileInfo:
    """Read everything that can be read without a network.

    Args:
        data: a file, whole or cut.
        known: names of the installed models by fingerprint.

    Raises:
        BitstreamError: if it is none of ours.
    """
    bitstream = read_bitstream(data)
    if bitstream.header.codec_id == DiffC.codec_id:
        return _describe_diffc(read_file(data), known)
    if bitstream.header.codec_id == Cdc.codec_id and len(bitstream.header.parameters) == 1:
        return _describe_cdc(bitstream, known)
    raise UnsupportedBitstream(
        f"The file was written by codec number {bitstream.header.codec_id}, which is unknown here."
    )


def _describe_diffc(file: DiffCFile, known: dict[bytes, str]) -> FileInfo:
    steps = tuple(
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
    return _file_info(
        file.bitstream,
        known,
        codec=DiffC.name,
        is_embedded=True,
        seed=file.head.seed,
        preset=preset_of(file.head.tree),
        prompt=file.head.prompt,
        header_bytes=file.first_byte,
        steps=steps,
    )


def _describe_cdc(bitstream: Bitstream, known: dict[bytes, str]) -> FileInfo:
    delta = delta_of(min(bitstream.header.parameters[0], LARGEST_CODE))
    return _file_info(bitstream, known, codec=Cdc.name, is_embedded=False, delta=delta)


def _file_info(
    bitstream: Bitstream,
    known: dict[bytes, str],
    *,
    codec: str,
    is_embedded: bool,
    seed: int | None = None,
    preset: str | None = None,
    delta: float | None = None,
    prompt: str = "",
    header_bytes: int | None = None,
    steps: tuple[Step, ...] = (),
) -> FileInfo:
    """What all files have, with what one codec's files have."""
    header = bitstream.header
    return FileInfo(
        codec=codec,
        version=VERSION,
        model=known.get(header.fingerprint),
        fingerprint=header.fingerprint.hex(),
        width=header.width,
        height=header.height,
        seed=seed,
        preset=preset,
        delta=delta,
        prompt=prompt,
        is_embedded=is_embedded,
        header_bytes=bitstream.header_bytes if header_bytes is None else header_bytes,
        num_bytes=bitstream.num_bytes,
        whole_bytes=bitstream.header_bytes + header.payload_bytes,
        bpp=bits_per_pixel(bitstream.num_bytes, header.width, header.height),
        is_cut=bitstream.is_cut,
        is_damaged=bitstream.is_damaged,
        steps=steps,
    )
