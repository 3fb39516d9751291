"""Whether this folder can be pushed as a Space of Hugging Face: front matter, requirements, files.

    python -m diffdemo space --check [--resolve] [DIR]

The rules are those of the Hub's documentation, and of its refusals; docs/spaces.md says which is which.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import SpaceHardware, metadata_load
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from yaml import YAMLError  # type: ignore[import-untyped]

from diffdemo.hub.cdc_files import is_checkpoint
from diffdemo.models.registry import FROM_HUB, RELEASED_CDC
from diffdemo.models.spec import MB, HubSource

ROOT = Path(__file__).resolve().parents[2]
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
LONGEST_DESCRIPTION = 60
LICENCE = "mit"
PYTHON = "3.12"
PYTHONS = ("3.11", PYTHON)
TORCH_WORKS, TORCH_FAILS = ("2.8.0", "2.13.0"), ("2.7.1", "2.13.1", "2.14.0")
"""Versions on either side of what ZeroGPU supports."""
OF_SPACES = ("gradio[oauth,mcp]=={sdk_version}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces")
"""What the Hub installs in the same command as our requirements."""
LARGE = 10 * MB
IN_A_SPACE = "https://huggingface.co/spaces/{}/resolve/main/{}"
"""Where a file of a Space is read."""
SOURCES = (RELEASED_CDC, *(source for spec in FROM_HUB for source in spec.sources))
REPOSITORIES = {source.repository for source in SOURCES}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        is_right: whether the Hub can work with it.
        words: what is wrong with it, or what else should be known.
    """

    name: str
    is_right: bool
    words: str = ""

    def __str__(self) -> str:
        told = f"{'ok' if self.is_right else 'failed':8}{self.name}"
        return f"{told}: {self.words}" if self.words else told


def main(argv: Sequence[str]) -> int:
    """Check a folder and print what was found.

    Returns:
        The exit status: 1 if anything is wrong.
    """
    parser = argparse.ArgumentParser(prog="diffdemo space", description="Check that a folder can be a Space.")
    parser.add_argument("--check", action="store_true", required=True, help="look at everything, change nothing")
    parser.add_argument(
        "--resolve", action="store_true", help="also ask pip whether the requirements can be met; needs a network"
    )
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT, metavar="DIR", help="default: that of diffdemo")
    arguments = parser.parse_args(argv)
    failures = 0
    for check in checks(arguments.folder, resolve=arguments.resolve):
        failures += not check.is_right
        print(check, flush=True)
    return 1 if failures else 0


def checks(root: Path, *, resolve: bool = False) -> Iterator[Check]:
    """Look at everything, one after the other; with `resolve` ask pip as well, which takes half a minute."""
    try:
        fields: dict[str, Any] = metadata_load(root / "README.md") or {}
    except (OSError, ValueError, YAMLError) as error:
        yield Check("front matter", False, f"README.md cannot be read: {' '.join(str(error).split())}")
        return
    try:
        required = list(_requirements(root / "requirements.txt"))
    except (OSError, ValueError) as error:
        yield Check("requirements.txt", False, f"cannot be read: {error}")
        return
    yield _checked("front matter", bool(fields), "README.md does not begin with any")
    yield from _words(fields)
    yield from _runtime(fields, root, required)
    yield from _models(fields)
    yield from _files(fields, root)
    yield from _bounds(required)
    if resolve:
        yield from (_resolution(root, str(fields.get("sdk_version")), python) for python in PYTHONS)


def _checked(name: str, is_right: bool, problem: str) -> Check:
    return Check(name, is_right, "" if is_right else problem)


def _words(fields: dict[str, Any]) -> Iterator[Check]:
    """How it presents itself."""
    yield _checked("title", bool(fields.get("title")), "is missing")
    emoji = str(fields.get("emoji") or "")
    is_emoji = emoji != "" and not any(letter.isascii() or letter.isalnum() for letter in emoji)
    yield _checked("emoji", is_emoji, f"'{emoji}' is not an emoji")
    for name in ("colorFrom", "colorTo"):
        colour = fields.get(name)
        yield _checked(name, colour in COLOURS, f"'{colour}' is none of {', '.join(COLOURS)}")
    length = len(str(fields.get("short_description") or ""))
    is_short = 0 < length <= LONGEST_DESCRIPTION
    yield _checked("short_description", is_short, f"has {length} characters, and needs 1 to {LONGEST_DESCRIPTION}")
    yield _checked("license", fields.get("license") == LICENCE, f"'{fields.get('license')}' is not {LICENCE}")


def _runtime(fields: dict[str, Any], root: Path, required: Sequence[Requirement | str]) -> Iterator[Check]:
    """What it runs on."""
    yield _checked("sdk", fields.get("sdk") == "gradio", f"'{fields.get('sdk')}' is not gradio")
    version = str(fields.get("sdk_version") or "")
    wanted = _named("gradio", required)
    fits = wanted is not None and _fits(version, wanted)
    yield _checked("sdk_version", fits, f"'{version}' is not what requirements.txt asks for: {wanted}")
    python = fields.get("python_version")  # Without quotation marks YAML makes a number of it, and 3.1 of 3.10.
    is_right = isinstance(python, str) and (python == PYTHON or python.startswith(f"{PYTHON}."))
    yield _checked("python_version", is_right, f'{python!r} should be "{PYTHON}", in quotation marks')
    app = str(fields.get("app_file") or "")
    yield _checked("app_file", (root / app).is_file(), f"'{app}' does not exist")
    hardware = fields.get("suggested_hardware")
    known = [flavour.value for flavour in SpaceHardware]
    yield _checked("suggested_hardware", hardware in known, f"'{hardware}' is none of {', '.join(known)}")


def _models(fields: dict[str, Any]) -> Iterator[Check]:
    """What it takes from the Hub."""
    models = _list(fields, "models")
    strangers = ", ".join(each for each in models if each not in REPOSITORIES)
    yield _checked("models", bool(models) and not strangers, f"no model of ours is in {strangers or 'an empty list'}")
    for line in _list(fields, "preload_from_hub"):
        problem = _preload_problem(line, models)
        yield _checked("preload_from_hub", not problem, problem)


def _list(fields: dict[str, Any], name: str) -> list[str]:
    """The entries of a list; what is no list stands for one with that one entry."""
    found = fields.get(name) or []
    return [str(each) for each in (found if isinstance(found, list) else [found])]


def _preload_problem(line: str, models: Sequence[str]) -> str:
    """What is wrong with "owner/name file,file commit", of which the commit may be missing; "" for nothing."""
    found = re.fullmatch(r"(\S+) (\S+)( [0-9a-f]{40})?", line)
    if found is None:
        return f"'{line}' is not of the form: owner/name file,file commit"
    repository, listed = found[1], set(found[2].split(","))
    if repository not in REPOSITORIES:
        return f"no model of ours is in {repository}"
    if repository not in models:
        return f"{repository} is not listed under models"
    problems = [_difference(source, listed) for source in SOURCES if source.repository == repository]
    return "" if "" in problems else f"{repository}: {problems[0]}"


def _difference(source: HubSource, listed: set[str]) -> str:
    """What a model needs and the list lacks, or the other way round."""
    needed = {name for file in source.files for name in file.names}
    if source is RELEASED_CDC:
        needed = {name for name in listed if is_checkpoint(name)}
    strangers = listed - needed
    if strangers:
        return f"no model of ours needs {', '.join(sorted(strangers))}"
    lacking = [file.names[0] for file in source.files if not file.is_optional and not listed & set(file.names)]
    return f"{', '.join(lacking)} is missing" if lacking else ""


def _files(fields: dict[str, Any], root: Path) -> Iterator[Check]:
    """The picture of the Space, and what is too large for plain Git."""
    yield _thumbnail(str(fields.get("thumbnail") or ""), root)
    for file in sorted((root / "assets").rglob("*")):
        if file.is_file() and file.stat().st_size > LARGE:
            words = f"{file.stat().st_size / MB:.1f} MB; upload it with `hf upload`, or by Git with Xet"
            yield Check(file.relative_to(root).as_posix(), True, words)


def _thumbnail(given: str, root: Path) -> Check:
    """The picture that is shown where somebody links to the Space: an address, or as good as one can do without."""
    address = re.fullmatch(IN_A_SPACE.format(r"[\w.-]+/[\w.-]+", "(.+)"), given)
    path = address[1] if address else given
    if not path or not (root / path).is_file():
        return Check("thumbnail", False, f"'{given}' does not exist")
    advice = f"a Space that has a name should give its address: {IN_A_SPACE.format('OWNER/NAME', path)}"
    return Check("thumbnail", True, "" if address else advice)


def _requirements(path: Path) -> Iterator[Requirement | str]:
    """The requirements of a file; a line that is none, as it is."""
    for line in path.read_text().splitlines() if path.is_file() else []:
        text = line.partition("#")[0].strip()
        if text:
            try:
                yield Requirement(text)
            except InvalidRequirement:
                yield text


def _fits(version: str, required: Requirement) -> bool:
    try:
        return required.specifier.contains(Version(version))
    except InvalidVersion:
        return False


def _named(name: str, required: Sequence[Requirement | str]) -> Requirement | None:
    return next((each for each in required if isinstance(each, Requirement) and each.name == name), None)


def _bounds(required: Sequence[Requirement | str]) -> Iterator[Check]:
    """Whether tomorrow's release of anything can break the Space."""
    yield _checked("requirements.txt", bool(required), "is missing or empty")
    names = [canonicalize_name(each.name) for each in required if isinstance(each, Requirement)]
    twice = sorted({name for name in names if names.count(name) > 1})
    yield _checked("no requirement twice", not twice, ", ".join(twice))
    for each in required:
        yield _checked(str(each), _is_bounded(each), "is no requirement, or has no bound on one side")
    torch = _named("torch", required)
    taken = [] if torch is None else [v for v in (*TORCH_WORKS, *TORCH_FAILS) if torch.specifier.contains(v)]
    yield _checked("torch on ZeroGPU", taken == [*TORCH_WORKS], f"must be {' to '.join(TORCH_WORKS)}: {torch}")


def _is_bounded(required: Requirement | str) -> bool:
    if isinstance(required, str):
        return False
    operators = {specifier.operator for specifier in required.specifier}
    return bool(operators & {"==", "~="} or (operators & {"<", "<="} and operators & {">", ">="}))


def _resolution(root: Path, sdk_version: str, python: str) -> Check:
    """Whether pip finds wheels for everything, together with what the Hub adds."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"]
    command += ["--python-version", python, "--only-binary=:all:", "-r", str(root / "requirements.txt")]
    command += [each.format(sdk_version=sdk_version) for each in OF_SPACES]
    done = subprocess.run(command, capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    problem = " ".join(errors) or f"pip ended with {done.returncode}"
    return _checked(f"requirements on Python {python}", done.returncode == 0, problem)
