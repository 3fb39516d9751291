"""Answers of a study's viewers, read back with its key into a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffdemo.errors import DiffDemoError
from diffdemo.measure.tables import counted
from diffdemo.plain_text import aligned

LEVEL = 0.95
HEAD = ("preferred", "over", "answers", "share", "95 %", "p")


@dataclass(frozen=True, slots=True)
class Preference:
    """How often one codec was chosen over another.

    Attributes:
        wins: of `count` answers those for `codec`.
    """

    codec: str
    other: str
    wins: int
    count: int

    @property
    def share(self) -> float:
        """Of the answers, 0..1."""
        return self.wins / self.count

    def interval(self) -> tuple[float, float]:
        """Of the share, by Wilson (1927, "Probable inference, the law of succession, and statistical inference")."""
        from scipy import stats

        found = stats.binomtest(self.wins, self.count).proportion_ci(LEVEL, method="wilson")
        return float(found.low), float(found.high)

    def p_value(self) -> float:
        """How likely a share as far from one half is by guessing, to either side: the exact binomial test."""
        from scipy import stats

        return float(stats.binomtest(self.wins, self.count).pvalue)


def answers_table(key: Path, answers: Sequence[Path]) -> Iterator[str]:
    """What the viewers said, a row for each two codecs, the one that was chosen more often first.

    Args:
        key: that was written beside the study's page.
        answers: a file of each viewer. One that is there twice counts once.

    Raises:
        DiffDemoError: a file cannot be read, is no such file, or belongs to another study.
    """
    trials = _key(key)
    contents = {
        json.dumps(content, sort_keys=True): content for content in (_answers(path, *trials) for path in answers)
    }
    wins: dict[tuple[str, str], int] = {}
    counts: dict[tuple[str, str], int] = {}
    for content in contents.values():
        for answer in content["answers"]:
            sides = trials[1][answer["trial"]]
            chosen = sides[answer["choice"]]["codec"]
            pair = (sides["left"]["codec"], sides["right"]["codec"])
            pair = (min(pair), max(pair))
            counts[pair] = counts.get(pair, 0) + 1
            wins[pair] = wins.get(pair, 0) + (chosen == pair[0])
    yield f"{counted(len(contents), 'viewer')}; answers count as independent, which those of one viewer are not quite"
    rows = [_cells(_ordered(pair, wins[pair], count)) for pair, count in sorted(counts.items())]
    yield from aligned([HEAD, *rows], left=(0, 1))


def _ordered(pair: tuple[str, str], wins: int, count: int) -> Preference:
    first, second = pair
    return (
        Preference(first, second, wins, count) if 2 * wins >= count else Preference(second, first, count - wins, count)
    )


def _cells(found: Preference) -> tuple[str, ...]:
    low, high = found.interval()
    interval = f"{100 * low:.0f} to {100 * high:.0f} %"
    return (
        found.codec,
        found.other,
        f"{found.wins} of {found.count}",
        f"{100 * found.share:.0f} %",
        interval,
        f"{found.p_value():.3f}",
    )


def _key(path: Path) -> tuple[str, dict[str, Any]]:
    """Token of the study, and its trials."""
    content = _object(path, "key of a study")
    trials = content.get("trials")
    if (
        not isinstance(content.get("study"), str)
        or not isinstance(trials, dict)
        or not all(map(_is_trial, trials.values()))
    ):
        raise DiffDemoError(f"'{path}' is not the key of a study: it was written beside the page, as NAME.key.json.")
    return content["study"], trials


def _is_trial(trial: object) -> bool:
    sides = [trial.get(side) for side in ("left", "right")] if isinstance(trial, dict) else [None]
    return all(isinstance(side, dict) and isinstance(side.get("codec"), str) for side in sides)


def _answers(path: Path, study: str, trials: dict[str, Any]) -> dict[str, Any]:
    content = _object(path, "file of answers")
    answers = content.get("answers")
    if not isinstance(answers, list):
        raise DiffDemoError(f"'{path}' is not a file of answers: the page of the study saves one at its end.")
    if content.get("study") != study:
        raise DiffDemoError(f"'{path}' has answers to another study than the key's; please give the key of theirs.")
    tokens = [answer.get("trial") if isinstance(answer, dict) else None for answer in answers]
    is_right = all(token in trials for token in tokens) and len(set(tokens)) == len(tokens)
    if not is_right or not all(answer.get("choice") in ("left", "right") for answer in answers):
        raise DiffDemoError(f"'{path}' has answers that no viewer can have given; it was changed after it was saved.")
    return content


def _object(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise DiffDemoError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except ValueError as error:
        raise DiffDemoError(f"'{path}' is not a {what}: it is not JSON.") from error
    if not isinstance(content, dict):
        raise DiffDemoError(f"'{path}' is not a {what}: an object was expected.")
    return content
