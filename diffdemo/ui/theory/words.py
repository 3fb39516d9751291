"""What the theory page says: the meaning of each curve, and numbers as sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from diffdemo.theory.dither import Dithered
from diffdemo.theory.real_files import REAL_DECODERS, SHARES, Landing
from diffdemo.theory.sources import Mark
from diffdemo.ui import words
from diffdemo.ui.theory.schemes import SCHEMES

INTRODUCTION = (
    "<p><b>What does realism cost?</b> On Gaussian sources it can be computed exactly. Pick a source, see what no "
    "codec can beat and what DiffC reaches, then let the real codec write real files and see where they land.</p>"
)
READING = (
    "<p>Up is better, left is cheaper. A source is a list of variances, one for each of its independent components, "
    "like the frequencies of a picture. SNR is the mean variance over the mean squared error: 0 dB is a grey picture, "
    "-3 dB a picture as real as the original that has nothing to do with it.</p>"
)
ANCESTOR = (
    "<h2>The ancestor: dithered rounding</h2><p>In 1962 L. G. Roberts added noise to a picture before rounding its "
    "values to a few levels, and subtracted the same noise afterwards. Contours turn into even noise, whatever the "
    "picture: what arrives is the picture plus noise of a known kind. DiffC does the same with Gaussian noise, less of "
    "it with every bit, and removes it with a model of pictures. Bits per pixel are the ideal entropy of the symbols, "
    "each coded by itself; no file is written.</p>"
)


def meanings() -> str:
    """One entry a curve: its colour and name, what it means, its closed form, and whose it is."""
    entries = (
        f"<dt>{_named(key)}</dt><dd>{scheme.meaning}<br><small>{scheme.source}</small><br>{scheme.formula}</dd>"
        for key, scheme in SCHEMES.items()
    )
    return f"<dl>{''.join(entries)}</dl>"


def gap(mark: Mark) -> str:
    """The one sentence of the plot."""
    return f'<p class="headline">At {_bits(mark.bits)} bits, flow beats ancestral sampling by {mark.gap_db:.2f} dB.</p>'


def table(mark: Mark) -> str:
    """Every scheme at the chosen rate, and what it needs for what flow reaches there."""
    rows = "".join(
        f'<tr><th scope="row">{_named(key)}</th><td>{snr_db:.2f}</td><td>{_bits(mark.flow_bits[key])}</td></tr>'
        for key, snr_db in mark.snr_db.items()
    )
    heads = ["curve", f"dB at {_bits(mark.bits)} bits", f"bits for {mark.snr_db['flow']:.2f} dB"]
    return words.table("numbers", heads, rows)


def landed(landings: Sequence[Landing], *, is_running: bool) -> str:
    """The files of a run: what each costs over the closed form, and how far its decodes are from theirs.

    While it goes on there are rows for the files that are missing, so that the page holds still.
    """
    if not landings and not is_running:
        return ""
    heads = ["file", "bits", "overhead", *(f"{SCHEMES[decoder].name}, dB" for decoder in REAL_DECODERS)]
    rows = "".join(_landing(landing) for landing in landings)
    if is_running:
        rows += f"<tr>{'<td>…</td>' * len(heads)}</tr>" * (len(SHARES) - len(landings))
    return f"{words.table('numbers', heads, rows)}<p>{_verdict(landings) if landings else ''}</p>"


def progress(share: float, count: int) -> str:
    """While files are written."""
    return words.status(f"File {min(count + 1, len(SHARES))} of {len(SHARES)}: coding and decoding", share)


def finished(count: int) -> str:
    """When no more files are written."""
    if count == len(SHARES):
        return words.status(f"All {count} files have landed.")
    return words.status(f"{count} of {len(SHARES)} files have landed.") if count else ""


def rounded(dithered: Dithered, diffc_bpp: float | None) -> str:
    """What the decoded picture costs, and what DiffC takes for the same."""
    ours = ""
    if diffc_bpp is not None:
        ours = f" The studio's DiffC file of this picture has that PSNR at {words.rate(diffc_bpp)}."
    return f'<p class="headline">{_caption(dithered)} with dither.{ours}</p>'


def captions(original: tuple[int, int], plain: Dithered, dithered: Dithered) -> tuple[str, str, str]:
    """Over the three pictures; `original` is width and height."""
    width, height = original
    return (
        f"Original, {width} x {height}",
        f"Only rounded: {_caption(plain)}",
        f"Rounded with dither: {_caption(dithered)}",
    )


def _caption(dithered: Dithered) -> str:
    return f"{words.rate(dithered.bpp)}, {words.quality(dithered.psnr_db)}"


def _landing(landing: Landing) -> str:
    snr = "".join(
        f"<td>{landing.snr_db[name]:.2f} ({_signed(landing.snr_db[name] - landing.expected_db[name])})</td>"
        for name in REAL_DECODERS
    )
    return (
        f'<tr><th scope="row">{words.size(landing.num_bytes)}</th><td>{_bits(landing.bits)}</td>'
        f"<td>{100 * landing.overhead:+.0f} %</td>{snr}</tr>"
    )


def _verdict(landings: Sequence[Landing]) -> str:
    """What the run shows, in its own numbers."""
    most, least = max(each.overhead for each in landings), min(each.overhead for each in landings)
    off: dict[str, float] = {
        name: max(abs(each.snr_db[name] - each.expected_db[name]) for each in landings) for name in REAL_DECODERS
    }
    return (
        f"Real files take {_between(100 * least, 100 * most)} % more bits than the closed form: the length of the "
        "whiskers. About 7 % are the tree code's, the rest is for steps that are finite and, in small files, the "
        "header. In brackets: the distance to the curve at the noise level that the file reached. Mean and flow are "
        f"within {max(off['mean'], off['flow']):.2f} dB of theirs; ancestral sampling is up to {off['ancestral']:.2f} "
        "dB off, because its sixteen steps draw a little less noise than they should."
    )


def _signed(number: float) -> str:
    """With two places, and no minus before a zero."""
    return f"{round(number, 2) + 0.0:+.2f}"


def _between(low: float, high: float) -> str:
    return f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"


def _named(key: str) -> str:
    """A scheme's name behind its colour."""
    return f'<i class="swatch" style="background:{SCHEMES[key].colour}"></i>{SCHEMES[key].name}'


def _bits(bits: float) -> str:
    return f"{bits:.3f}" if bits < 0.1 else f"{bits:.2f}"
