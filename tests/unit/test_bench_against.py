"""Two trees beside each other, each by its own command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diffdemo.codecs.records import Preset
from diffdemo.errors import DiffDemoError
from diffdemo.measure.bench import against, main

PROGRAM = """
import json, math, sys
words = sys.argv[1:]
open("asked.txt", "a").write(json.dumps(words) + "\\n")
bpp = float(words[words.index("--bpp") + 1])
print(json.dumps({{"num_bytes": {share} * 1000 * bpp, "psnr_db": 30 + 6 * math.log2(bpp), "seconds": {seconds}}}))
"""


def tree(root: Path, share: float, seconds: float) -> Path:
    """A checkout whose files take a share of 1000 bytes times their rate, at 6 dB for each doubling."""
    (root / "diffdemo").mkdir(parents=True)
    (root / "diffdemo" / "__main__.py").write_text(PROGRAM.format(share=share, seconds=seconds))
    return root


def asked(root: Path) -> list[list[str]]:
    return [json.loads(line) for line in (root / "asked.txt").read_text().splitlines()]


@pytest.fixture
def trees(tmp_path, monkeypatch) -> tuple[Path, Path]:
    earlier, now = tree(tmp_path / "earlier", 1.0, 2.0), tree(tmp_path / "now", 0.9, 0.5)
    monkeypatch.setattr(against, "HERE", now)
    return earlier, now


def test_a_tenth_less_at_every_rate_is_told_as_such(trees, tmp_path):
    picture = tmp_path / "picture.png"
    picture.touch()
    rows = list(against.bench_against(trees[0], [str(picture)], [0.5, 1.0, 2.0], [Preset.BALANCED], "photo-small"))
    assert [row["bpp"] for row in rows] == [0.5, 1.0, 2.0]
    for row in rows:
        assert row["bytes for the earlier dB"] == pytest.approx(0.9)
        assert row["time"] == pytest.approx(0.25)
        assert row["earlier dB"] == row["now dB"]
    for each in trees:
        assert all(words[:2] == ["encode", str(picture)] for words in asked(each))
        assert all(words[words.index("--model") + 1] == "photo-small" for words in asked(each))


def test_without_a_name_each_tree_takes_its_own_model(trees, tmp_path, capsys):
    picture = tmp_path / "picture.png"
    picture.touch()
    parts = ["against", str(trees[0]), str(picture), "--bpp", "1", "2", "--preset", "fast", "--json"]
    assert main.main(parts) == 0
    assert [json.loads(line)["preset"] for line in capsys.readouterr().out.splitlines()] == ["fast"] * 2
    assert not any("--model" in words for words in asked(trees[1]))


def test_what_is_no_checkout_is_told(tmp_path):
    with pytest.raises(DiffDemoError, match="no diffdemo in"):
        list(against.bench_against(tmp_path, [], [1.0], [Preset.FAST]))
