"""The command `batch`: a folder of pictures into a folder of files, here or on a cluster, going on where it stopped.

Beside the files lies a line of JSON for each (`batch.jsonl`), written after it, and a table of all when the work ends.
A picture is done again if it has changed, something else is asked for, or its file is not as it was written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffdemo.cli import signals
from diffdemo.cli.commands import model_of, require_codec
from diffdemo.cli.options import given, require_of_use
from diffdemo.cli.output import write_file
from diffdemo.cli.terminal import Progress, in_one_line, print_report
from diffdemo.errors import DiffDemoError, ImageError

if TYPE_CHECKING:
    from diffdemo.engine.batch.archive import Row
    from diffdemo.engine.batch.compress import Outcome
    from diffdemo.engine.batch.worker import Result, Worker

LEDGER = "batch.jsonl"
TABLE = "table.csv"
KEPT = "what is done is kept, and the same command goes on from there"


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture that is to be compressed.

    Attributes:
        stem: of its files.
        data: of its own file.
    """

    name: str
    stem: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of its own file."""
        return hashlib.sha256(self.data).hexdigest()


def batch(args: argparse.Namespace) -> None:
    """Compress all pictures of the folder `args.folder` into the folder `args.output`.

    Raises:
        DiffDemoError, OSError: before the work, or when it is done, if a picture could not be compressed.
    """
    from diffdemo.engine import Engine
    from diffdemo.engine.batch.compress import Order
    from diffdemo.engine.batch.worker import Worker
    from diffdemo.pictures.folder import picture_paths

    began = time.monotonic()
    paths = picture_paths(args.folder)
    if not paths:
        raise DiffDemoError(f"There are no pictures in '{args.folder}'.")
    engine = Engine()
    require_codec(engine, args.codec, args.model)
    codec = engine.model(model_of(engine, args)).codec
    require_of_use(args, codec=codec, codecs=engine.codecs())
    bpp = args.bpp or (None if args.bytes else 1.0)
    order = Order(args.model or "", bpp, args.bytes, codec=codec, **given(args, "preset"))
    folder = _Folder(args.output, asdict(order) | {"pictures": args.pictures})
    pieces = _pieces(paths, folder)
    if args.ray is None:
        results = _here(pieces, Worker(order, args.pictures, engine))
    else:
        results = _on_cluster(pieces, args.ray, {"order": order, "with_pictures": args.pictures})
    with signals.duty(folder.write_table), signals.last_words(KEPT):
        for piece, result in results:
            folder.add(piece, *result)
        folder.write_table()
    report = {"output": str(args.output), "pictures": len(paths), "kept": folder.kept, **folder.totals()}
    print_report({**report, "seconds": time.monotonic() - began}, as_json=args.json)
    if report["errors"]:
        raise DiffDemoError(
            f"{report['errors']} of {len(paths)} pictures could not be compressed; '{args.output / TABLE}' says why."
        )


class _Folder:
    """Where files go, and what lies there already.

    Args:
        path: of the folder; is made if it does not exist.
        order: what is asked for.

    Raises:
        DiffDemoError: there is something else in it.
    """

    def __init__(self, path: Path, order: Mapping[str, Any]) -> None:
        self._path = path
        self._order = dict(order)
        self._rows: dict[str, Row] = {}
        self.kept = 0
        path.mkdir(parents=True, exist_ok=True)
        ledger = path / LEDGER
        if not ledger.exists() and any(path.iterdir()):
            raise DiffDemoError(f"The folder '{path}' is not empty, and not that of a batch; please name a new one.")
        self._known = {line["stem"]: line for line in _lines(ledger)}

    def keeps(self, piece: Piece) -> bool:
        """Whether a picture is done already, as it is asked for."""
        known = self._known.get(piece.stem, {})
        if (known.get("sha256"), known.get("order")) != (piece.sha256, self._order):
            return False
        if any(_sha256_of(self._path / name) != digest for name, digest in known["files"].items()):
            return False
        self._rows[piece.stem] = known["row"]
        self.kept += 1
        return True

    def add(self, piece: Piece, outcome: Outcome, files: Mapping[str, bytes]) -> None:
        """Write what a picture was turned into, and then that it was."""
        from diffdemo.engine.batch.archive import row_of

        row = self._rows[piece.stem] = row_of(outcome)
        said = outcome.error or f"{outcome.num_bytes:,} bytes, {outcome.bpp:.3f} bpp"
        print(in_one_line(f"{piece.name}: {said}"), file=sys.stderr, flush=True)
        if not files:
            return
        named = {piece.stem + suffix: data for suffix, data in files.items()}
        for name, data in named.items():
            write_file(self._path / name, data)
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in named.items()}
        line = {"stem": piece.stem, "sha256": piece.sha256, "order": self._order, "files": digests, "row": row}
        with (self._path / LEDGER).open("ab") as ledger:
            ledger.write(b"\n" + json.dumps(line).encode())  # After whatever was torn.

    def write_table(self) -> None:
        """All pictures of this run as CSV."""
        from diffdemo.engine.batch.archive import table_of

        write_file(self._path / TABLE, table_of(self._rows[stem] for stem in sorted(self._rows)).encode())

    def totals(self) -> dict[str, Any]:
        """All pictures of this run in a few numbers."""
        from diffdemo.engine.batch.archive import columns

        rows = [dict(zip(columns(), row, strict=True)) for row in self._rows.values()]
        files = [row for row in rows if not row["error"]]
        return {
            "errors": len(rows) - len(files),
            "num_bytes": sum(int(row["bytes"] or 0) for row in files),
            "bpp": _mean([row["bpp"] for row in files]),
            "psnr_db": _mean([row["psnr_db"] for row in files]),
        }


def _lines(ledger: Path) -> Iterator[dict[str, Any]]:
    """What was written when a file was done; what is no such line does not count."""
    for text in ledger.read_bytes().splitlines() if ledger.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not isinstance(line, dict) or not {"stem", "sha256", "order", "files", "row"} <= line.keys():
            continue
        if isinstance(line["stem"], str) and isinstance(line["files"], dict) and isinstance(line["row"], list):
            yield line


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _mean(values: Sequence[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _pieces(paths: Iterable[Path], folder: _Folder) -> Iterator[Piece]:
    """What is left to do; files that cannot be read are noted."""
    from diffdemo.engine.batch.archive import free_stem
    from diffdemo.engine.batch.compress import Outcome
    from diffdemo.pictures.folder import require_picture_file
    from diffdemo.pictures.source import read_source

    taken: set[str] = set()
    for path in paths:
        stem = free_stem(path.name, taken)
        try:
            require_picture_file(path)
            piece = Piece(path.name, stem, read_source(path))
        except ImageError as error:
            folder.add(Piece(path.name, stem, b""), Outcome(path.name, error=str(error)), {})
            continue
        if not folder.keeps(piece):
            yield piece


def _here(pieces: Iterable[Piece], worker: Worker) -> Iterator[tuple[Piece, Result]]:
    """On this machine, one after the other."""
    for piece in pieces:
        with Progress() as progress:
            for event in worker.watched(piece.name, piece.data):
                if isinstance(event, tuple):
                    result = event
                else:
                    progress.show(event)
        yield piece, result


def _on_cluster(pieces: Iterable[Piece], address: str, held: Mapping[str, Any]) -> Iterator[tuple[Piece, Result]]:
    """On many machines, in the order of being done."""
    from diffdemo.engine.batch.compress import Outcome
    from diffdemo.engine.batch.worker import Worker
    from diffdemo.engine.hardware.cluster import on_cluster

    def tell(workers: int) -> None:
        print(f"diffdemo: {workers} worker{'s' * (workers != 1)} on the cluster at {address}", file=sys.stderr)

    for piece, done in on_cluster(address, Worker, held, pieces, lambda piece: (piece.name, piece.data), tell):
        yield piece, (Outcome(piece.name, error=done.reason), {}) if done.reason else done.result
