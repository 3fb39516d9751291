"""All models in a table, and where the downloaded ones lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from diffdemo.engine import CacheUsage, CodecInfo, ModelInfo
from diffdemo.ui.models import card


def table(models: Sequence[ModelInfo], codecs: Mapping[str, CodecInfo]) -> str:
    """One model a row: what it is, whether it is here, and what it needs; `codecs` are all that there are, by name."""
    heads = ("model", "codec", "where", "weights", "memory", "knows", "licence", "paper", "name in files")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(_row(info, codecs[info.codec].label) for info in models)
    return f'<h3>Models</h3><table class="steps models"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _row(info: ModelInfo, codec: str) -> str:
    cells = (
        f"<b>{escape(info.label)}</b><br>{escape(info.description)}",
        codec,
        _state(info),
        card.volume(info.num_bytes),
        card.volume(info.memory),
        escape(card.pictures(info)),
        card.link(info.page, info.licence),
        card.paper(info),
        f"<code>{escape(info.fingerprint)}</code>" if info.fingerprint else "",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _state(info: ModelInfo) -> str:
    if info.is_here:
        return card.state(info)
    return "gated" if info.is_gated else ""


def storage(usage: CacheUsage) -> str:
    """Where downloads lie, how much room they take, and how much is left."""
    return (
        f"<p>Downloaded models take {card.volume(usage.num_bytes)} in <code>{escape(str(usage.folder))}</code>; "
        f"{card.volume(usage.free_bytes)} are free there.</p>"
    )
