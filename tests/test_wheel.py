"""What `pip install .` gives: a package that works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_an_installed_package_has_its_models_with_it(tmp_path: Path) -> None:
    place, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    source = tmp_path / "source"
    for folder in ("diffdemo", "assets"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("setup.py", "pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy(ROOT / file, source)
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), str(source)]
    subprocess.run(install, check=True)
    script = (place / "bin" / "diffdemo").read_text()
    assert "from diffdemo.__main__ import run" in script
    examples = place / "diffdemo" / "assets" / "examples"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "diffdemo",
            "decode",
            str(examples / "rocket.difd"),
            "-o",
            "rocket.png",
            "--bytes",
            "900",
        ],
        cwd=work,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (work / "rocket.png").stat().st_size > 1000
