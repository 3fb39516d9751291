"""What this is, in words: the method, its limits, the models and whom to thank."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.records import Example, ModelInfo
from diffdemo.ui.errors import friendly

METHOD = """
### How DiffC works
A diffusion model knows how to go from pure noise to a picture, one small step of less noise at a time.
Encoder and decoder draw the same random candidates for the next step, because they share a seed.
The encoder, which has the picture, picks the candidate that leads towards it and sends its number: that is the file.
Each number adds a little information, so every beginning of the file is a noisy version of the picture.
The decoder takes that noisy version and lets the model finish: on average, sharply, or at random.

### How CDC works
Here the file holds the content of the picture only: a few hundred numbers for each patch of it, rounded.
The decoder is a diffusion model that is told the content, and fills in texture step by step.
More steps are more texture and not more bits. Started from nothing, it always draws the same picture; started from
noise, another one for every noise. A part of such a file is no picture.

### What to keep in mind
A generative decoder **invents detail** that fits what was sent. It can look right and be wrong: letters, faces,
textures. Do not use it where detail is evidence, as in documents, medicine or forensics. The numbers on this page are
measured on the 8-bit picture that is shown and on the bytes of the file that is offered; pictures travel to your screen
as PNG, without further loss.

### Papers
- L. Theis, T. Salimans, M. D. Hoffman, F. Mentzer. *Lossy Compression with Gaussian Diffusion.* 2022,
  [arXiv:2206.08889](https://arxiv.org/abs/2206.08889): DiffC, and the two decoders DiffC-A and DiffC-F.
- J. Vonderfecht, F. Liu. *Lossy Compression with Pretrained Diffusion Models.* ICLR 2025,
  [arXiv:2501.09815](https://arxiv.org/abs/2501.09815): how to make it practical.
- R. Yang, S. Mandt. *Lossy Image Compression with Conditional Diffusion Models.* NeurIPS 2023,
  [arXiv:2209.06950](https://arxiv.org/abs/2209.06950): CDC.
- J. Ho, A. Jain, P. Abbeel. *Denoising Diffusion Probabilistic Models.* 2020,
  [arXiv:2006.11239](https://arxiv.org/abs/2006.11239): the idea of progressive coding, section 4.3.
"""


@dataclass(frozen=True, slots=True)
class AboutTab:
    """The components of the tab."""

    tab: gr.Tab
    models: gr.HTML


def build(tab: gr.Tab, examples: list[Example]) -> AboutTab:
    """Lay out the tab; call it inside of it."""
    with gr.Column(elem_id="about"):
        gr.Markdown(METHOD)
        models = gr.HTML()
        gr.HTML(_credits(examples))
    return AboutTab(tab, models)


def wire(about: AboutTab, engine: Engine) -> None:
    """Ask for the models when somebody wants to read about them, because that may load them."""

    @friendly
    def describe_models() -> str:
        """Name the installed models, their sizes and licences, as a table in HTML."""
        return models_table(engine.models())

    about.tab.select(describe_models, None, about.models, show_progress="hidden", api_name="models")


def models_table(models: list[ModelInfo]) -> str:
    """Name, size, licence and fingerprint of each model."""
    rows = "".join(
        f"<tr><td>{escape(model.label)}</td><td>{model.parameters:,}</td><td>{model.num_bytes / 1e6:.1f} MB</td>"
        f"<td>{escape(model.licence)}</td><td><code>{escape(model.fingerprint)}</code></td>"
        f"<td>{escape(model.description)}</td></tr>"
        for model in models
    )
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("model", "parameters", "weights", "licence", "fingerprint", "")
    )
    return f'<h3>Models</h3><table class="steps"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _credits(examples: list[Example]) -> str:
    items = "".join(f"<li>{escape(example.label)}: {escape(example.credit)}</li>" for example in examples)
    return f"<h3>Pictures</h3><ul>{items}</ul><p>The code is under the MIT licence.</p>"
