"""The models of the Hub: which there are, which are here, and the way from there to here and back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

from diffdemo.errors import DownloadError, WeightsError
from diffdemo.hub import cache, cdc_files, manifest, owners, preloaded
from diffdemo.hub.fetch.download import download
from diffdemo.hub.fetch.progress import Meter
from diffdemo.hub.fetch.sharing import SharedDownload
from diffdemo.hub.records import CacheUsage, DownloadProgress, Installed
from diffdemo.models.registry import FROM_HUB, RELEASED_CDC, SHIPPED
from diffdemo.models.spec import HubSource, ModelSpec


class Library:
    """The models of the Hub on this computer. Safe to use from many threads.

    Args:
        specs: of the models that are always known.
        released: repository of the released checkpoints of CDC, which the Hub lists when it is asked; None for none.
    """

    def __init__(self, specs: tuple[ModelSpec, ...] = FROM_HUB, released: HubSource | None = RELEASED_CDC) -> None:
        self._specs = specs
        self._released = released
        self._downloads: dict[str, SharedDownload] = {}
        self._lock = threading.Lock()

    def specs(self, *, refresh: bool = False) -> tuple[ModelSpec, ...]:
        """All models that can be downloaded.

        Args:
            refresh: whether to ask the Hub which checkpoints of CDC there are; otherwise, as it said last, or, if it
                never was asked, those that are known anyway.

        Raises:
            DownloadError: only if it is to be asked and does not answer.
        """
        if self._released is None:
            return self._specs
        if refresh:
            return self._specs + cdc_files.refresh(self._released)
        remembered = cdc_files.remembered(self._released)
        return self._specs + (cdc_files.known(self._released) if remembered is None else remembered)

    def spec(self, name: str) -> ModelSpec:
        """Look a model up; one that may be a released checkpoint of CDC is looked for on the Hub if need be.

        Raises:
            WeightsError: naming those that exist.
            DownloadError: if the Hub is needed and does not answer.
        """
        known = {spec.name: spec for spec in self.specs()}
        if name not in known and name.startswith(cdc_files.PREFIXES):
            known = {spec.name: spec for spec in self.specs(refresh=True)}
        if name not in known:
            names = ", ".join([*(spec.name for spec in SHIPPED), *known])
            raise WeightsError(f"There is no model '{name}'. Known models: {names}.")
        return known[name]

    def installed(self, name: str) -> Installed | None:
        """A model that is completely here, or None. Quick, and never asks the Hub."""
        found = manifest.load(name)
        return found.installed() if found else None

    def fingerprints(self) -> dict[bytes, str]:
        """Names of the models that are here, by the fingerprints that stand in their files."""
        return {here.fingerprint: here.name for m in manifest.load_all() if (here := m.installed())}

    def who_has(self, fingerprint: bytes) -> ModelSpec | None:
        """The model that wrote files with this fingerprint, if its weights are on the Hub.

        Returns:
            None if no known model has it, or if the Hub does not tell within some ten seconds.
        """
        here = self.fingerprints().get(fingerprint)
        specs = self.specs()
        return next((spec for spec in specs if spec.name == here), None) or owners.owner_of(fingerprint, specs)

    def download(self, name: str) -> Iterator[DownloadProgress]:
        """Bring a model here, or what is missing of it, and report on it several times a second.

        Whoever asks for the same model meanwhile watches the same download. It stops when the last of them closes
        their iterator; what has arrived is kept, and the next download goes on from there.

        Yields:
            The first moment at once, the last one with `done`.

        Raises:
            WeightsError: there is no such model, or what came is none of its kind.
            DownloadError: it did not come, and why.
        """
        if (here := self.installed(name)) is not None:
            yield DownloadProgress(name, "", here.num_bytes, here.num_bytes, None, 0.0, done=True)
            return
        self._make_sure_of(name)
        yield from self._joined(self.spec(name)).watch()

    def preloaded(self) -> list[str]:
        """Names of the models that cannot be used yet although their files lie in the cache. Quick, and asks nobody."""
        specs = {spec.name: spec for spec in self.specs()}
        if self._released:
            # A path in the cache is more certain than one that is only thought to exist.
            listed = cdc_files.remembered(self._released) or ()
            specs |= {spec.name: spec for spec in (*preloaded.checkpoints(self._released), *listed)}
        return [name for name in preloaded.lying_here(specs.values()) if self.installed(name) is None]

    def adopt(self, name: str) -> None:
        """Make a model usable that lies in the cache, once every file has proved to be what the Hub says it is.

        Raises:
            WeightsError: there is no such model, or what lies there is none of its kind.
            DownloadError: the Hub does not answer, or has another file now.
        """
        spec = self.spec(name)
        download(spec, Meter(name, spec.num_bytes), must_lie_here=True)

    def remove(self, name: str) -> int:
        """Delete a model, or what has arrived of it, except for files that another model needs.

        Returns:
            Bytes that were freed.

        Raises:
            DownloadError: while it is being downloaded.
        """
        with self._lock:
            if name in self._downloads and self._downloads[name].is_running:
                raise DownloadError(f"'{name}' is being downloaded. Please stop that first.")
            found = manifest.load(name)
            if found is None:
                return 0
            kept = {file.link for other in manifest.load_all() if other.name != name for file in other.files.values()}
            freed = sum(file.discard() for file in found.files.values() if file.link not in kept)
            if found.converted:
                freed += found.converted.num_bytes
                found.converted.path.unlink(missing_ok=True)
            found.erase()
            return freed

    def usage(self) -> CacheUsage:
        """Where models lie, and how much room they take, with what has arrived of those on their way."""
        manifests = manifest.load_all()
        files = {file.link: file.bytes_here for m in manifests for file in m.files.values()}
        converted = sum(cache.size_of(m.converted.path) or 0 for m in manifests if m.converted)
        return CacheUsage(cache.folder(), sum(files.values()) + converted, cache.free_bytes(cache.folder()))

    def _make_sure_of(self, name: str) -> None:
        """Let the Hub say what it has before a checkpoint is fetched that is only thought to exist.

        Raises:
            DownloadError: if it does not answer.
        """
        if self._released and name.startswith(cdc_files.PREFIXES) and cdc_files.remembered(self._released) is None:
            self.specs(refresh=True)

    def _joined(self, spec: ModelSpec) -> SharedDownload:
        """The download of a model that is under way, or a new one, with one watcher more."""
        with self._lock:
            running = self._downloads.get(spec.name)
            if running is None or not running.join():
                running = SharedDownload(partial(download, spec), Meter(spec.name, spec.num_bytes))
                running.join()
                self._downloads[spec.name] = running
            return running
