"""The schemes of the theory page, one entry each: name, look, meaning, closed form and whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.ui.plot.figure import NEUTRAL

_LAMBDA = "<i>&lambda;<sub>i</sub></i>"
_SIGMA = "<i>&sigma;</i><sup>2</sup>"
_RHO = "<i>&rho;<sub>i</sub></i>"
_RATE, _ERROR = "<i>R<sub>i</sub></i>", "<i>D<sub>i</sub></i>"
_SENT = f"{_RATE} = ½ log<sub>2</sub>(1 + {_LAMBDA} / {_SIGMA})"
_COVER = "Cover and Thomas 2006, Elements of Information Theory, theorem 10.3.3"
_THEIS = "Theis, Salimans, Hoffman and Mentzer 2022, arXiv:2206.08889"
_QIAN = "Qian et al. 2024, arXiv:2406.18008; Serra et al. 2023, arXiv:2311.09190"
_ROBERTS = "Roberts 1962; the rate from Zamir and Feder 1992"


@dataclass(frozen=True, slots=True)
class Scheme:
    """One curve.

    Attributes:
        name: in the plot and in tables.
        colour: of the line, its name and its files.
        meaning: what it is, in sentences.
        source: whose the closed form is.
        formula: that form, in HTML.
        dash, width: of the line, as plotly has it.
        symbol: of its files; "" where no decoder reaches it.
    """

    name: str
    colour: str
    meaning: str
    source: str
    formula: str
    dash: str = "solid"
    width: float = 1.75
    symbol: str = ""


SCHEMES = {
    "shannon": Scheme(
        "R(D)",
        NEUTRAL,
        "The floor: the fewest bits for an error, if looks do not matter. Components below the water level &theta; get "
        "nothing.",
        _COVER,
        f"{_ERROR} = min({_LAMBDA}, <i>&theta;</i>), {_RATE} = ½ log<sub>2</sub>({_LAMBDA} / {_ERROR})",
        dash="dash",
    ),
    "mean": Scheme(
        "posterior mean",
        "#0072B2",
        "The average of everything that fits what DiffC sent. Least error, but too smooth: what is not known is left "
        "out.",
        _THEIS,
        f"{_SENT}, {_ERROR} = {_LAMBDA}{_SIGMA} / ({_LAMBDA} + {_SIGMA})",
        symbol="circle",
    ),
    "realism": Scheme(
        "perfect realism",
        "#CC79A7",
        "The floor for results that cannot be told from the source. Every component gets some bits; none is switched "
        "off.",
        _QIAN,
        f"{_RATE} = -½ log<sub>2</sub>(1 - {_RHO}<sup>2</sup>), {_ERROR} = 2{_LAMBDA}(1 - {_RHO}), with "
        f"{_RHO} / (1 - {_RHO}<sup>2</sup>) = <i>c</i>{_LAMBDA}",
        dash="dash",
    ),
    "flow": Scheme(
        "DiffC-F",
        "#56B4E9",
        "Realistic without dice: the probability flow stretches what was sent until its variance is right. On a white "
        "source it is on the floor; at high rate it is as exact as the mean.",
        f"{_THEIS}, eq. 11",
        f"{_SENT}, {_ERROR} = 2{_LAMBDA}(1 - √({_LAMBDA} / ({_LAMBDA} + {_SIGMA})))",
        width=3,
        symbol="diamond",
    ),
    "ancestral_star": Scheme(
        "DiffC-A*",
        "#E69F00",
        "Ancestral sampling at its best, the noise of every component chosen for it: Shannon's rate for half the "
        "error.",
        _THEIS,
        "<i>R</i> = <i>R</i><sub>Shannon</sub>(<i>D</i> / 2)",
    ),
    "ancestral": Scheme(
        "DiffC-A",
        "#D55E00",
        "Realistic by dice: one sample of everything that fits. Its error is twice that of the mean, for any source; "
        "that is 3.01 dB.",
        _THEIS,
        f"{_SENT}, {_ERROR} = 2{_LAMBDA}{_SIGMA} / ({_LAMBDA} + {_SIGMA})",
        width=3,
        symbol="star",
    ),
    "dithered": Scheme(
        "dithered",
        "#009E73",
        "The ancestor: each component rounded with dither, the same step for all. At high rate 0.25 bit above the "
        "floor, at low rate far off: it spends bits on components that are smaller than its noise.",
        _ROBERTS,
        f"{_ERROR} = &Delta;<sup>2</sup> / 12, {_RATE} = <i>H</i>(<i>Q</i>(<i>X<sub>i</sub></i> + <i>U</i>) | "
        "<i>U</i>)",
        dash="dot",
    ),
}
"""By their names in `theory.sources`, in the same order. Colours are Okabe and Ito's, as in the other plots.

Bounds are dashed: no scheme on this page reaches them. The ancestor is dotted.
"""
