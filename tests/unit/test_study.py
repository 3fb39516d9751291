"""Blind studies: what viewers may know, what the key knows, and what becomes of their answers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffdemo.errors import DiffDemoError
from diffdemo.images import Pixels
from diffdemo.measure import evaluate
from diffdemo.measure.plates import Plate, Shown
from diffdemo.measure.study.answers import Preference, answers_table
from diffdemo.measure.study.page import write_study
from diffdemo.measure.study.trials import make_study
from diffdemo.metrics.points import CurvePoint


def grey(level: int) -> Pixels:
    return np.full((16, 24, 3), level, np.uint8)


def plate(name: str = "a.png") -> Plate:
    """Two codecs of ours, two others."""
    levels = {"jpeg": 10, "webp": 20, "diffc mean": 30, "diffc flow": 40}
    shown = {
        codec: Shown(grey(level), CurvePoint(level, 0.1, {"psnr_db": 30.0}), codec.startswith("diffc"))
        for codec, level in levels.items()
    }
    return Plate(name, grey(0), 0.3, shown)


def codecs_of(trial: dict[str, Any]) -> frozenset[str]:
    return frozenset(trial[side]["codec"] for side in ("left", "right"))


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The page's path, what it holds, and the key."""
    page = tmp_path / "study.html"
    key = write_study(make_study([plate("a.png"), plate("b.png")]), page)
    match = re.search(r"^const study = (.*);$", page.read_text(), re.MULTILINE)
    assert match is not None
    return page, json.loads(match.group(1)), json.loads(key.read_text())


def test_every_pair_with_one_of_ours_is_asked_about_once(study: tuple) -> None:
    _, content, key = study
    pairs = Counter(
        (trial["picture"], frozenset({trial["left"]["codec"], trial["right"]["codec"]}))
        for trial in key["trials"].values()
    )
    assert set(pairs.values()) == {1}
    assert len(pairs) == 2 * 5, "all six but jpeg beside webp, of either picture"
    assert {trial["token"] for trial in content["trials"]} == set(key["trials"])
    assert content["token"] == key["study"]


def test_the_page_does_not_know_what_it_shows(study: tuple) -> None:
    page, content, _ = study
    text = page.read_text()
    assert not re.search(r"jpeg|webp|diffc|mean|flow|\.png\b", text.replace("data:image/png", ""), re.IGNORECASE)
    assert set(content) == {"token", "trials", "pictures"}
    tokens = {trial[place] for trial in content["trials"] for place in ("original", "left", "right")}
    assert tokens == set(content["pictures"])
    assert "http" not in text, "it needs nothing from anywhere"


def test_sides_are_by_chance() -> None:
    key = make_study([plate(str(number)) for number in range(40)]).key
    sides = Counter(
        trial["left"]["codec"] for trial in key.values() if "jpeg" in str(trial) and "diffc mean" in str(trial)
    )
    assert 5 < sides["jpeg"] < 35, "40 tosses"


def answers(path: Path, key: dict, preferred: str) -> Path:
    """Of a viewer who likes one codec best, and else what stands left."""
    given = [
        {"trial": token, "choice": "right" if sides["right"]["codec"] == preferred else "left", "seconds": 2.0}
        for token, sides in key["trials"].items()
    ]
    path.write_text(json.dumps({"study": key["study"], "viewer": path.stem, "answers": given}))
    return path


def test_answers_become_a_table(study: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, _, key = study
    files = [answers(tmp_path / f"{number}.json", key, "diffc flow") for number in range(3)]
    arguments = ["--answers", str(page.with_suffix(".key.json")), *map(str, files), str(files[0])]
    assert evaluate.main(arguments) == 0
    first, head, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("3 viewers"), "a file that is there twice counts once"
    assert head.split() == ["preferred", "over", "answers", "share", "95", "%", "p"]
    (against_jpeg,) = [row for row in rows if row.startswith("diffc flow") and " jpeg " in row]
    # Wilson for 6 of 6: 6 / (6 + 1.96^2) and 1; binomial: 2 / 2^6.
    assert against_jpeg.split()[3:] == ["6", "of", "6", "100", "%", "61", "to", "100", "%", "0.031"]


def test_the_interval_and_the_test_of_a_preference() -> None:
    found = Preference("a", "b", 30, 40)
    low, high = found.interval()
    z2 = 1.959964**2
    centre = (30 + z2 / 2) / (40 + z2)
    half = math.sqrt(z2 * (30 * 10 / 40 + z2 / 4)) / (40 + z2)
    assert (low, high) == pytest.approx((centre - half, centre + half), abs=1e-6)
    tail = sum(math.comb(40, k) for k in range(30, 41)) / 2**40
    assert found.p_value() == pytest.approx(2 * tail)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(study="0" * 16), "another study"),
        (lambda content: content.pop("answers"), "not a file of answers"),
        (lambda content: content["answers"][0].update(trial="x"), "no viewer can have given"),
        (lambda content: content["answers"][0].update(choice="both"), "no viewer can have given"),
        (lambda content: content["answers"].append(content["answers"][0]), "no viewer can have given"),
        (lambda content: content["answers"].append(3), "no viewer can have given"),
    ],
)
def test_answers_that_cannot_be_are_refused(study: tuple, tmp_path: Path, change: Any, message: str) -> None:
    page, _, key = study
    path = answers(tmp_path / "a.json", key, "jpeg")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DiffDemoError, match=message):
        list(answers_table(page.with_suffix(".key.json"), [path]))


def test_other_files_are_refused(study: tuple, tmp_path: Path) -> None:
    page, _, key = study
    good = answers(tmp_path / "a.json", key, "jpeg")
    for text in ("no JSON", "[]", '{"study": "x", "trials": {"t": {"left": 1}}}', "{}"):
        (tmp_path / "key.json").write_text(text)
        with pytest.raises(DiffDemoError, match="key of a study"):
            list(answers_table(tmp_path / "key.json", [good]))
    with pytest.raises(DiffDemoError, match="Cannot read"):
        list(answers_table(page.with_suffix(".key.json"), [tmp_path / "nowhere.json"]))


def test_a_study_of_nothing_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    lone = Plate("a", grey(0), 0.3, {"diffc mean": plate().shown["diffc mean"]})
    with pytest.raises(DiffDemoError, match="nothing to ask"):
        write_study(make_study([lone]), tmp_path / "study.html")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffDemoError, match="name another place"):
        write_study(make_study([plate()]), tmp_path / "file" / "study.html")


def test_answers_need_a_key_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(["--answers", "key.json"])
    assert "takes the key" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate.main(["-o", "results.jsonl"])
    assert "required: DIR" in capsys.readouterr().err
