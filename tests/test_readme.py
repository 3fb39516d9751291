"""The first screen: what a Space reads from it, and links and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
import pytest

from diffdemo.cli import parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_front_matter_is_what_a_space_needs():
    fields = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.MULTILINE))
    assert fields["sdk"] == "gradio"
    assert (ROOT / fields["app_file"]).is_file()
    assert fields["sdk_version"].split(".")[0] == gradio.__version__.split(".")[0]
    assert fields["python_version"].strip('"') in ("3.11", "3.12")
    assert len(fields["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {fields["colorFrom"], fields["colorTo"]} <= colours


@pytest.mark.parametrize(
    "document",
    ["README.md", "FORMAT.md", "CHANGELOG.md", "assets/README.md"]
    + [str(path.relative_to(ROOT)) for path in [*(ROOT / "docs").glob("*.md"), *(ROOT / "diffdemo").rglob("*.md")]],
)
def test_links_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("readme", sorted((ROOT / "diffdemo").rglob("README.md")), ids=lambda path: path.parent.name)
def test_files_that_a_package_names_exist(readme: Path) -> None:
    for name in re.findall(r"[\w*/]+\.py\b", readme.read_text()):
        places = (readme.parent, ROOT / "diffdemo", ROOT, ROOT / "tests" / "unit")
        assert any(next(place.glob(name), None) for place in places) or next(readme.parent.rglob(name), None), name
    for folder in re.findall(r"`(\w+)/`", readme.read_text()):
        assert (readme.parent / folder).is_dir() or (ROOT / "diffdemo" / folder).is_dir(), folder


def test_commands_are_those_of_the_command_line(capsys):
    for command in set(re.findall(r"python -m diffdemo (\w+)", README)) - {"bench", "evaluate"}:
        with pytest.raises(SystemExit) as end:
            parser.main([command, "--help"])
        assert end.value.code == 0
