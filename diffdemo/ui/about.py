"""What this is, in words: the method, its limits, the models and whom to thank."""

from __future__ import annotations

from html import escape

import gradio as gr

from diffdemo.engine import Engine
from diffdemo.engine.records import Example
from diffdemo.metrics.registry import METRICS, Metric
from diffdemo.ui.codec_controls import offers
from diffdemo.ui.events import SILENT, Events
from diffdemo.ui.models import card, model_table

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


class Storage(Events):
    """The events of the tab: which models there are, how much room they take, and making some."""

    def describe(self) -> tuple[str, str, dict, dict]:
        """The models as a table, where downloads lie, and what can be removed."""
        models = self._engine.models()
        removable = [
            (f"{info.label} · {card.volume(info.num_bytes)}", info.name) for info in models if info.is_removable
        ]
        offered = gr.update(choices=removable, value=removable[0][1] if removable else None, visible=bool(removable))
        return (
            model_table.table(models, offers(self._engine)),
            model_table.storage(self._engine.cache()),
            offered,
            gr.update(visible=bool(removable)),
        )

    def remove(self, name: str | None) -> tuple[str, str, dict, dict]:
        """Delete a downloaded model from this computer; it can be downloaded again."""
        if name:
            freed = self._engine.remove(name)
            gr.Info(f"{card.volume(freed)} are free again.", duration=4)
        return self.describe()


def build(tab: gr.Tab, engine: Engine) -> None:
    """Lay out the tab; call it inside of it. Models are described when somebody wants to read: there may be others."""
    with gr.Column(elem_id="about"):
        gr.Markdown(METHOD)
        for metric in METRICS.values():
            if metric.how_to_get:
                gr.Markdown(_on_metric(metric))
        models = gr.HTML(elem_id="models")
        place = gr.HTML(elem_id="storage")
        with gr.Row(elem_id="removal"):
            removable = gr.Dropdown([], label="Downloaded models", filterable=False, visible=False, elem_id="removable")
            remove = gr.Button("Remove", visible=False, size="md", scale=0, min_width=120, elem_id="remove")
        gr.HTML(_credits(engine.examples()))
    storage, shown = Storage(engine), [models, place, removable, remove]
    tab.select(storage.describe, None, shown, **SILENT)
    remove.click(storage.remove, removable, shown, **SILENT)


def _on_metric(metric: Metric) -> str:
    """Whether it can be measured here, and if not, why and what to do."""
    head, why = f"### {metric.label}\n", metric.missing()
    if not why:
        return f"{head}Its weights are here: it stands under each side of a comparison and is an axis of the plot."
    commands = "\n".join(f"    {command}" for command in metric.how_to_get)
    return f"{head}It is not measured here. {why} These commands bring it, then start the page anew:\n\n{commands}"


def _credits(examples: list[Example]) -> str:
    items = "".join(f"<li>{escape(example.label)}: {escape(example.credit)}</li>" for example in examples)
    return f"<h3>Pictures</h3><ul>{items}</ul><p>The code is under the MIT licence.</p>"
