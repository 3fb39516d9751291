"""A whole model from the Hub: look up, make sure of the room, fetch, convert, note."""

from __future__ import annotations

from dataclasses import replace

from safetensors import SafetensorError

from diffdemo.errors import DownloadError
from diffdemo.hub import cache, client
from diffdemo.hub.failures import disk_full, in_words
from diffdemo.hub.fetch.fingerprint import fingerprint
from diffdemo.hub.fetch.plan import PlannedFile, plan
from diffdemo.hub.fetch.progress import Meter
from diffdemo.hub.fetch.transfer import fetch
from diffdemo.hub.manifest import Converted, Manifest
from diffdemo.models.conversion import CONVERSIONS
from diffdemo.models.spec import ModelSpec

RESERVE = 50_000_000
"""Bytes of the disk that a download leaves free."""


def download(spec: ModelSpec, meter: Meter, *, must_lie_here: bool = False) -> None:
    """Bring a model to this computer, or what is missing of it.

    Args:
        meter: told about every byte.
        must_lie_here: to refuse if anything is missing, and fetch only what turns out to be damaged.

    Raises:
        DownloadError: it did not come, and why. What has arrived is kept unless it was wrong.
        WeightsError: it came and is not a model of its kind.
        Cancelled: on the way.
    """
    meter.begin("")
    files = plan(spec, {source: client.list_repository(source.repository, source.revision) for source in spec.sources})
    if must_lie_here:
        _require_all(spec, files)
    meter.expect(sum(file.place.num_bytes for file in files))
    with in_words(spec.sources[0].repository):
        note = Manifest(spec.name, {file.key: file.place for file in files})
        _require_room(spec, files)
        note.save()
        hashes = {file: fetch(file.place, file.sha256, meter) for file in files}
        meter.begin("")
        converted = _convert(spec, note)
        name = fingerprint(sha256 for file, sha256 in hashes.items() if file.is_weights)
        replace(note, converted=converted, fingerprint=name).save()


def _require_all(spec: ModelSpec, files: list[PlannedFile]) -> None:
    missing = [file.place for file in files if file.place.whole is None]
    if missing:
        raise DownloadError(
            f"'{spec.name}' lies in the cache of the Hub, but not as the Hub has it now: '{missing[0].path}' of "
            f"'{missing[0].repository}' is missing. Please preload it anew, or fetch it: "
            f"python -m diffdemo download {spec.name}"
        )


def _require_room(spec: ModelSpec, files: list[PlannedFile]) -> None:
    """Check before the first byte that the last one will find a place."""
    needed = sum(file.place.num_bytes - file.place.bytes_here for file in files)
    if spec.kind in CONVERSIONS:
        needed += sum(file.place.num_bytes for file in files)  # What it is converted to is not larger.
    if needed and needed + RESERVE > cache.free_bytes(cache.folder()):
        raise disk_full(needed + RESERVE)


def _convert(spec: ModelSpec, note: Manifest) -> Converted | None:
    """Write a released checkpoint anew as the file that our network reads; None for what is loaded as it is.

    Raises:
        WeightsError: it is not a model of its kind.
        DownloadError: the result cannot be written.
    """
    conversion = CONVERSIONS.get(spec.kind)
    if conversion is None:
        return None
    converted = Converted(conversion.key, f"{spec.name}.safetensors", 0)
    converted.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        conversion.convert({key: file.link for key, file in note.files.items()}, converted.path)
    except SafetensorError as error:
        raise DownloadError(f"The weights cannot be written to '{converted.path}': {error}.") from error
    return replace(converted, num_bytes=converted.path.stat().st_size)
