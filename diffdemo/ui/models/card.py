"""Models in words: an entry of the menu, what stands on a card before a download, and how the download goes."""

from __future__ import annotations

from html import escape

from diffdemo.engine import DownloadProgress, ModelInfo
from diffdemo.plain_text import duration

GATED = (
    "Gated: accept its licence on its page first. Then start diffdemo with an access token of yours, "
    "as <code>HF_TOKEN</code>."
)
CANCELLED = "Cancelled. What has arrived is kept, and the next try goes on from there."


def volume(num_bytes: float) -> str:
    """Weights are large enough to be read in round numbers."""
    if num_bytes < 999.5e6:
        return f"{_round(num_bytes / 1e6, most=9.95)} MB"
    return f"{_round(num_bytes / 1e9, most=99.95)} GB"


def _round(number: float, most: float) -> str:
    """With one place behind the point up to `most`, if it says anything."""
    return f"{number:.1f}".removesuffix(".0") if number < most else f"{number:.0f}"


def state(info: ModelInfo) -> str:
    """Whether a model can be used at once, and what it takes if not."""
    if info.is_here:
        return "shipped" if info.is_shipped else "here"
    return f"{volume(info.num_bytes)} to download" + (", gated" if info.is_gated else "")


def entry(info: ModelInfo) -> str:
    """One line of the menu."""
    return f"{info.label} · {state(info)}"


def pictures(info: ModelInfo) -> str:
    """Which pictures a model knows, and how large it wants them."""
    return f"{info.domain}, {info.native} x {info.native}" if info.native else f"{info.domain}, any size"


def link(address: str, words: str) -> str:
    """A page elsewhere, in a tab of its own; only the words where there is no address."""
    if not address:
        return escape(words)
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{escape(words)}</a>'


def paper(info: ModelInfo) -> str:
    """A link to the paper that a model comes from; "" for none."""
    return link(f"https://arxiv.org/abs/{info.paper}", f"arXiv:{info.paper}") if info.paper else ""


def facts(info: ModelInfo, why: str = "") -> str:
    """What to know before a download; `why` says what it is wanted for, if something is waiting for it."""
    rows = {
        "to download": volume(info.num_bytes),
        "memory": f"about {volume(info.memory)}",
        "knows": escape(pictures(info)),
        "licence": link(info.page, info.licence),
        "paper": paper(info),
    }
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items() if value)
    reason = f'<p class="why" role="status">{escape(why)}</p>' if why else ""
    gate = f'<p class="gate">{GATED} {link(info.page, "Its page")}.</p>' if info.is_gated else ""
    what = f'<p><b>{escape(info.label)}</b> <span class="what">{escape(info.description)}</span></p>'
    return f'{reason}{what}<dl class="facts">{items}</dl>{gate}'


def progress(moment: DownloadProgress, label: str) -> str:
    """A bar, bytes of bytes, speed and time left."""
    share = min(1.0, moment.num_bytes / max(1, moment.total_bytes))
    bar = (
        f'<div class="bar" role="progressbar" aria-label="Download of {escape(label)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
    )
    return f'<b class="name">{escape(label)}</b>{bar}<p>{_pace(moment, share)}</p>'


def _pace(moment: DownloadProgress, share: float) -> str:
    if share == 1:
        return f"{volume(moment.total_bytes)} are here, being checked …"
    facts = [_of(moment.num_bytes, moment.total_bytes)]
    if moment.bytes_per_second is not None:
        facts.append(f"{volume(moment.bytes_per_second)}/s")
    if moment.seconds_left is not None:
        facts.append(f"{duration(moment.seconds_left)} left")
    return " · ".join(facts)


def _of(some: int, whole: int) -> str:
    """Both in the unit of the whole, named once, so that the words keep their place while the number grows."""
    number, unit = volume(whole).split()
    if unit == "GB":
        return f"{some / 1e9:.1f} of {number} GB"
    return f"{some / 1e6:.0f} of {number} MB"


def arrived(label: str) -> str:
    """What a download ends with."""
    return f'<p role="status"><b>{escape(label)}</b> is here now.</p>'


def failed(reason: str) -> str:
    """Why a download did not end well; it stands where the download was, as a message that fades may be missed."""
    return f'<p class="failure" role="alert">{escape(reason)}</p>'


def told(words: str) -> str:
    """A sentence about what was done."""
    return f'<p role="status">{escape(words)}</p>'
