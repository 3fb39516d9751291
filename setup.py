"""The wheel: the package, and the shipped files as a folder inside of it. The rest stands in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["diffdemo", "diffdemo.*"]), "diffdemo.assets"],
    package_dir={"diffdemo.assets": "assets"},
    package_data={
        "diffdemo.assets": [str(path.relative_to("assets")) for path in Path("assets").rglob("*") if path.is_file()]
    },
    install_requires=Path("requirements.txt").read_text().splitlines(),
)
