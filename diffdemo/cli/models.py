"""The commands about models: which there are, fetch one, delete one."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from diffdemo.cli import signals
from diffdemo.cli.terminal import Progress, print_cache, print_models, print_report
from diffdemo.plain_text import size

KEPT = "what has arrived is kept, and the same command goes on from there"


def models(args: argparse.Namespace) -> None:
    """List what `--model` may be, and what those models take on the disk.

    Raises:
        DownloadError: if the Hub is to be asked and does not answer.
    """
    from diffdemo.engine import Engine

    engine = Engine()
    known = engine.models(refresh=args.refresh)
    cache = engine.cache()
    if args.json:
        where = asdict(cache) | {"folder": str(cache.folder)}
        print_report({"models": [asdict(model) for model in known], "cache": where}, as_json=True)
    else:
        print_models(known)
        print_cache(cache)


def download(args: argparse.Namespace) -> None:
    """Fetch the model `args.name`.

    Raises:
        WeightsError: there is no such model, or it cannot be had.
    """
    from diffdemo.engine import Engine

    began = time.monotonic()
    moments = Engine().download(args.name)
    with Progress() as progress, signals.last_words(KEPT):
        first = moment = next(moments)
        for moment in moments:
            progress.show_download(moment)
    if first.done:
        print(f"'{args.name}' is here already.")
    else:
        seconds = time.monotonic() - began
        print_report({"model": args.name, "num_bytes": moment.total_bytes, "seconds": seconds}, as_json=False)


def remove(args: argparse.Namespace) -> None:
    """Delete the model `args.name` from this computer.

    Raises:
        WeightsError: there is no such model, or it comes with diffdemo.
    """
    from diffdemo.engine import Engine

    freed = Engine().remove(args.name)
    print(f"'{args.name}' was removed: {size(freed)}." if freed else f"There is nothing of '{args.name}' to remove.")
