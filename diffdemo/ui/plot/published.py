"""Rate-distortion curves that others have published (`metrics.published`), as the plot shows them.

They are of other pictures than the one beside whose curves they are drawn, and have bits per pixel only.
"""

from __future__ import annotations

import re
from html import escape
from itertools import cycle

from diffdemo.metrics import registry
from diffdemo.metrics.published import Published, published
from diffdemo.ui.plot.rd_plot import Drawn
from diffdemo.ui.plot.view import View, height

METRICS = ("psnr_db", "ms_ssim", "lpips", "fid")
"""What curves are about; of the last two less is better."""
NAMES = {"kodak": "Kodak", "cifar-10": "CIFAR-10", "imagenet-64": "ImageNet 64 x 64"}
WHERE = "Published curves have no bytes: choose bits per pixel."
NOTHING = "This set has no curves in this measure."
_SINGLE = ("kodak-", "div2k-")
_COLOURS = ("#8C6BB1", "#238B8D", "#B8860B", "#7F7F7F", "#C2507A", "#4C78A8", "#5B8C3E", "#A0522D")


def choices() -> list[tuple[str, str]]:
    """Sets for a menu, with none first: what one publication says about one data set."""
    sets = {_key(curve): _name(curve) for curve in published(metric=registry.BASE)}
    return [("none", ""), *((name, key) for key, name in sets.items())]


def overlays_of(view: View) -> list[Drawn]:
    """What a view wants to see of others, if the axes are theirs."""
    return [_overlay(curve, colour, view) for curve, colour in zip(curves_of(view), cycle(_COLOURS), strict=False)]


def credit(view: View) -> str:
    """Where the published curves come from and what they are, in HTML; "" where there are none."""
    if not view.others:
        return ""
    if view.across == "bytes":
        return f"<p>{WHERE}</p>"
    curves = curves_of(view)
    if not curves:
        return f"<p>{NOTHING}</p>"
    what = "one other picture" if view.others.startswith(_SINGLE) else "means over other pictures"
    is_dashed = any(curve.is_estimate for curve in curves)
    dashed = " Dashed: rates that are estimated, or not known to be sizes of files." if is_dashed else ""
    source = curves[0].source
    link = f'<a href="{escape(source.url)}" target="_blank" rel="noopener">{escape(source.title)}</a>'
    return f"<p>Published curves are {what}, not of yours.{dashed} From {link}. {escape(source.note)}</p>"


def curves_of(view: View) -> list[Published]:
    """What a view wants to see of others, as it was published."""
    if not view.others or view.across != "bpp":
        return []
    return [curve for curve in published(metric=view.metric) if _key(curve) == view.others]


def _key(curve: Published) -> str:
    """The data set, and who published it, as one word."""
    return f"{curve.dataset}/{re.sub(r'[^a-z0-9]+', '-', _publisher(curve).lower())}"


def _publisher(curve: Published) -> str:
    return curve.source.title.split(",")[0]


def _name(curve: Published) -> str:
    """Data set and publisher in words; the single pictures are from one publication, which has a long title."""
    if curve.dataset.startswith(_SINGLE):
        return f"{_dataset(curve)}: DiffC and others"
    return f"{_dataset(curve)}: {_publisher(curve)}"


def _dataset(curve: Published) -> str:
    if curve.dataset.startswith(_SINGLE):
        collection, number = curve.dataset.split("-")
        return f"{'Kodak' if collection == 'kodak' else 'DIV2K'} {number}"
    return NAMES.get(curve.dataset, curve.dataset)


def _overlay(curve: Published, colour: str, view: View) -> Drawn:
    found = ((bpp, height(value, view.metric), _text(curve, bpp, value)) for bpp, value in curve.points)
    places = [(bpp, y, text) for bpp, y, text in found if y is not None and bpp > 0]
    line = {"color": colour, "width": 1.25, "dash": "dash" if curve.is_estimate else "solid"}
    mode = "lines" if len(curve.points) > 1 else "markers"
    return Drawn(places, {"name": curve.label, "mode": mode, "opacity": 0.8, "line": line, "marker": {"color": colour}})


def _text(curve: Published, bpp: float, value: float) -> str:
    kind = "an estimate" if curve.is_estimate else "files"
    number = registry.METRICS[curve.metric].text(value)
    return f"{escape(curve.label)}<br>{bpp:.3f} bpp · {number}<br>{escape(_dataset(curve))}, {kind}"
