"""Many clients on one page for some minutes: does everybody get his own, and does anything grow?

    python tests/load/run.py [--clients 20] [--minutes 3] [--port 7899]

Starts `app.py` in a process of its own, with a decode cache that is full soon. Each client has a picture of a colour of
its own, and compresses, decodes whole and cut files, inspects, cancels, and leaves in the middle of work, in random
order. Every picture that comes back must have its client's colour. Prints a table; exit status 1 if somebody got
another one's picture, if anything else than a full queue was refused, or if the server has grown in the second half.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import psutil
from gradio_client import Client, handle_file
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).parents[2]
WARM_UP_SHARE = 0.5
"""Of the time, before growth is counted: caches fill, threads and models are made."""
SAMPLES = 8
"""Of the server's size, evenly over the time."""
CACHE_MB = 50
MAX_GROWTH_MB = 100
MAX_MORE_THREADS = 20
MAX_MORE_FILES = 40
BUSY = ("Too many of your calls", "Queue is full")
"""What is said where no more calls can wait, by the page and by Gradio's client."""


@dataclass
class Tally:
    """What has happened, over all clients."""

    done: Counter[str] = field(default_factory=Counter)
    busy: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Visitor:
    """One client with a colour of its own.

    Args:
        number: of the client.
        colours: of all clients.
        url: of the page.
        folder: for its picture.
        tally: where it reports.
    """

    def __init__(self, number: int, colours: NDArray[np.int64], url: str, folder: Path, tally: Tally) -> None:
        self.number, self.colours, self.url, self.tally = number, colours, url, tally
        self.random = random.Random(number)
        self.picture = folder / f"client-{number}.png"
        noise = np.random.default_rng(number).integers(-6, 7, (64, 80, 3))
        Image.fromarray((colours[number] + noise).clip(0, 255).astype(np.uint8)).save(self.picture)
        self.client = Client(url, verbose=False, analytics_enabled=False)
        self.file = ""

    def act(self) -> None:
        """Do one of the things that visitors do."""
        acts: list[Callable[[], None]] = [self.compress, self.compress, self.cancel, self.leave, self.classical]
        if self.file:
            acts += [self.decode, self.slide, self.slide, self.inspect]
        chosen = self.random.choice(acts)
        began = time.monotonic()
        try:
            chosen()
        except Exception as error:
            if any(words in str(error) for words in BUSY):
                self.tally.busy[chosen.__name__] += 1
                time.sleep(1)
            else:
                self.tally.wrong.append(f"{chosen.__name__}: {type(error).__name__}: {error}")
            return
        self.tally.done[chosen.__name__] += 1
        self.tally.seconds[chosen.__name__].append(time.monotonic() - began)

    def compress(self) -> None:
        """A file at a random rate."""
        self.file, report = self._sent(
            "/compress", handle_file(str(self.picture)), self.random.uniform(0.5, 2), preset="fast"
        )
        assert report["num_bytes"] == Path(self.file).stat().st_size

    def decode(self) -> None:
        """The last file, whole."""
        decoder = self.random.choice(["mean", "flow", "ancestral"])
        self._require_own(self._sent("/decompress", handle_file(self.file), decoder)[0])

    def slide(self) -> None:
        """The last file, cut."""
        num_bytes = self.random.randrange(60, max(61, Path(self.file).stat().st_size))
        self._require_own(self._sent("/decompress", handle_file(self.file), "mean", num_bytes=num_bytes)[0])

    def inspect(self) -> None:
        """What the last file says."""
        info = self._sent("/inspect", handle_file(self.file))
        assert (info["width"], info["height"]) == (80, 64)

    def classical(self) -> None:
        """A JPEG file."""
        self._require_own(self._sent("/classical", handle_file(str(self.picture)), "jpeg", 4000)[1])

    def cancel(self) -> None:
        """A long encode, and Stop."""
        job = self.client.submit(handle_file(str(self.picture)), 3.0, preset="best", api_name="/compress")
        time.sleep(self.random.uniform(0, 1))
        job.cancel()

    def leave(self) -> None:
        """A long encode whose stream is closed, or never opened."""
        with self.picture.open("rb") as opened:
            (path,) = httpx.post(f"{self.url}gradio_api/upload", files={"files": opened}, timeout=60).json()
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, 3.0, None, "best", 0, "auto", "", ""]
        answer = httpx.post(f"{self.url}gradio_api/call/compress", json={"data": data}, timeout=60)
        if answer.status_code == 503:
            raise RuntimeError(answer.json()["detail"])
        if self.random.random() < 0.5:
            address = f"{self.url}gradio_api/call/compress/{answer.json()['event_id']}"
            with httpx.stream("GET", address, timeout=60) as stream:
                next(stream.iter_lines(), None)

    def _sent(self, name: str, *values: object, **options: object) -> object:
        return self.client.submit(*values, **options, api_name=name).result(timeout=600)

    def _require_own(self, path: str) -> None:
        """Few bytes may shift a colour, but not as far as that of another client."""
        mean = np.asarray(Image.open(path)).mean(axis=(0, 1))
        nearest = int(np.argmin(np.square(self.colours - mean).sum(axis=1)))
        if nearest != self.number:
            expected = self.colours[self.number]
            self.tally.wrong.append(f"a picture of colour {mean.round()} came to the client of {expected}")


def colours_of(count: int) -> NDArray[np.int64]:
    """A colour [3] for each client, on a grid, as far from each other as so many can be."""
    levels = np.linspace(30, 225, math.ceil(round(count ** (1 / 3), 6)) if count > 1 else 1).astype(np.int64)
    return np.array(list(product(levels, repeat=3)))[:count]


@dataclass(frozen=True)
class Size:
    """Of the server: memory in MB, threads, descriptors, temporary files."""

    memory: float
    threads: int
    descriptors: int
    files: int

    @classmethod
    def of(cls, process: psutil.Process, folder: Path) -> Size:
        """As it is now."""
        with process.oneshot():
            memory, threads, descriptors = process.memory_info().rss / 1e6, process.num_threads(), process.num_fds()
        return cls(memory, threads, descriptors, sum(path.is_file() for path in folder.rglob("*")))


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--port", type=int, default=7899)
    args = parser.parse_args()
    url = f"http://127.0.0.1:{args.port}/"
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as own:
        command = [sys.executable, str(ROOT / "app.py"), "--port", str(args.port)]
        settings = {**os.environ, "TMPDIR": kept, "DIFFDEMO_CACHE_MB": str(CACHE_MB)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(command, env=settings, **quiet)
        try:
            _wait_for(url)
            status = _load(args, url, psutil.Process(server.pid), Path(kept), Path(own))
        finally:
            server.terminate()
            server.wait(30)
    return status


def _load(args: argparse.Namespace, url: str, process: psutil.Process, kept: Path, own: Path) -> int:
    tally = Tally()
    colours = colours_of(args.clients)
    visitors = [Visitor(number, colours, url, own, tally) for number in range(args.clients)]
    ends = time.monotonic() + 60 * args.minutes

    def visit(visitor: Visitor) -> None:
        while time.monotonic() < ends:
            visitor.act()

    threads = [threading.Thread(target=visit, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    sizes = []
    for _ in range(SAMPLES):
        time.sleep(60 * args.minutes / SAMPLES)
        sizes.append(Size.of(process, kept))
    for thread in threads:
        thread.join()
    for visitor in visitors:
        visitor.client.close()
    idle_after = _seconds_until_idle(process)
    return _judge(args, tally, sizes, idle_after)


def _judge(args: argparse.Namespace, tally: Tally, sizes: list[Size], idle_after: float) -> int:
    before, after = sizes[int(WARM_UP_SHARE * SAMPLES)], sizes[-1]
    print(f"{args.clients} clients, {args.minutes:g} minutes, {sum(tally.done.values())} calls")
    for name, times in sorted(tally.seconds.items()):
        print(f"  {name:<10} {len(times):>5}  median {median(times):6.1f} s  longest {max(times):6.1f} s")
    print(f"  refused because the queue was full: {sum(tally.busy.values())}")
    for name in ("memory", "threads", "descriptors", "files"):
        print(f"  {name:<12}", *(f"{getattr(size, name):7,.0f}" for size in sizes))
    print(f"  idle {idle_after:.0f} s after everybody had left")
    print(f"  wrong: {len(tally.wrong)}", *tally.wrong[:10], sep="\n    ")
    per_call = sum(tally.done.values())
    grown = [
        after.memory - before.memory > MAX_GROWTH_MB,
        after.threads - before.threads > MAX_MORE_THREADS,
        after.descriptors - before.descriptors > MAX_MORE_FILES,
        after.files - before.files > 3 * per_call,
        idle_after > 60,
    ]
    return int(bool(tally.wrong) or any(grown))


def _seconds_until_idle(process: psutil.Process) -> float:
    began = time.monotonic()
    while process.cpu_percent(interval=2) > 15 and time.monotonic() - began < 120:
        pass
    return time.monotonic() - began


def _wait_for(url: str) -> None:
    for _ in range(240):
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit("the page did not start")


if __name__ == "__main__":
    sys.exit(main())
