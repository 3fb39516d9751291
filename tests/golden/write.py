"""Make the golden files that are missing: `python -m tests.golden.write`. None is ever overwritten.

Whoever deletes one to have it made anew changes the format (or, for those whose name has shipped-, the shipped
weights), and says so in CHANGELOG.md. DiffC files of version 1 cannot be made anew: nothing writes them any more, and
a picture that today's decoder makes of them would prove nothing. They come back by `git checkout` alone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from diffdemo.codecs.base import Codec, Rendering, Target
from diffdemo.codecs.diffc_file import read_file
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.images import Pixels
from tests.golden import shipped, sources
from tests.golden.cases import CASES_OF_VERSION_1, CASES_OF_VERSION_2, CDC_CASES, FOLDER, CdcCase, DiffCCase, DrawnCase
from tests.golden.pictures import decoded


def diffc_file(case: DiffCCase | DrawnCase) -> bytes:
    """Encode with as many views and steps as the case has, whatever the presets have today."""
    if isinstance(case, DrawnCase):
        return case.file()
    effort = EFFORTS[case.preset]
    EFFORTS[case.preset] = dataclasses.replace(effort, views=case.views, steps=case.steps, plain_steps=case.steps)
    try:
        *_, last = case.codec().encode_progressively(
            sources.picture(case.views), Target(case.num_bytes), preset=case.preset, seed=case.seed, prompt=case.prompt
        )
    finally:
        EFFORTS[case.preset] = effort
    assert len(read_file(last.data).bitstream.header.parameters) == case.parameters
    return last.data


def cdc_file(case: CdcCase) -> bytes:
    codec = case.codec()
    return codec.write(case.content(codec), case.code, bit_price=0.0)


def keep(name: str, make: Callable[[], bytes]) -> bytes:
    """The file of a name, made if there is none."""
    path = FOLDER / f"{name}.difd"
    if not path.exists():
        path.write_bytes(make())
        print(f"{path.name}: {path.stat().st_size} bytes")
    return path.read_bytes()


def require_version_1() -> None:
    """Stop where something of the first version is gone."""
    names = [case.name for case in CASES_OF_VERSION_1]
    wanted = [f"{name}{ending}" for name in names for ending in (".difd", ".png", ".cut.png")]
    wanted += [f"{case.name}{ending}" for case in shipped.OF_VERSION_1 for ending in (".difd", ".png")]
    if missing := [name for name in wanted if not (FOLDER / name).exists()]:
        raise SystemExit(f"of version 1, which nothing writes any more: please `git checkout` {', '.join(missing)}")


def keep_picture(name: str, codec: Codec, data: bytes, rendering: Rendering) -> None:
    path = FOLDER / f"{name}.png"
    if not path.exists():
        _save(path, decoded(codec, data, rendering))


def _save(path: Path, pixels: Pixels) -> None:
    Image.fromarray(pixels).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    require_version_1()
    walks_path = FOLDER / "walks.json"
    walks = json.loads(walks_path.read_text())
    for case in CASES_OF_VERSION_2:
        if not (FOLDER / f"{case.name}.difd").exists():
            walks.pop(case.name, None)
        data = keep(case.name, lambda case=case: diffc_file(case))
        keep_picture(case.name, case.codec(), data, Rendering())
        keep_picture(f"{case.name}.cut", case.codec(), data[: 2 * len(data) // 3], Rendering())
        steps = read_file(data).steps()
        walks.setdefault(case.name, [[step.level, step.stages, step.side_bits, step.end_bit] for step in steps])
    walks_path.write_text("{\n" + ",\n".join(f'"{name}": {json.dumps(walk)}' for name, walk in walks.items()) + "\n}\n")
    for case in CDC_CASES:
        data = keep(case.name, lambda case=case: cdc_file(case))
        keep_picture(case.name, case.codec(), data, case.rendering)
    for case in shipped.CASES:
        codec = case.codec()
        data = keep(case.name, lambda case=case, codec=codec: case.file(codec))
        keep_picture(case.name, codec, data, case.rendering)


if __name__ == "__main__":
    main()
