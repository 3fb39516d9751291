"""Lines about models that have one rate each: together they are one curve."""

from __future__ import annotations

from collections.abc import Sequence

from diffdemo.codecs.registry import CODECS
from diffdemo.measure.results.lines import Row, codec_of, picture_key


def joined(rows: Sequence[Row]) -> list[Row]:
    """Lines with those of one curve and picture as one, where the codec's models have one rate each.

    Of several lines about a model the last one counts. Points stand by rising rate; of looks at a rate the largest file
    that is not above it counts, whichever model wrote it.
    """
    others: list[Row] = []
    curves: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        codec = CODECS.get(codec_of(row["codec"]))
        if codec is None or not codec.is_one_rate:
            others.append(row)
            continue
        settings = row["settings"]
        curve = (row["codec"], picture_key(row), str(settings.get("features")), str(settings.get("rates")))
        curves.setdefault(curve, {})[str(settings.get("model"))] = row
    return [*others, *(_one(list(models.values())) for models in curves.values())]


def _one(rows: Sequence[Row]) -> Row:
    if "looks" in rows[0]:
        largest: dict[float, Row] = {}
        for look in sorted((look for row in rows for look in row["looks"]), key=lambda look: look["num_bytes"]):
            largest[look["rate"]] = look
        return {**rows[-1], "looks": list(largest.values())}
    points = sorted((point for row in rows for point in row["points"]), key=lambda point: point["bpp"])
    return {**rows[-1], "points": points}
