"""The looks: the system's own font, true greys so that photos keep their colours, one accent."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors

_FONT = [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")]
_MONO = [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]

_ACCENT = colors.Color(
    name="accent",
    c50="#eef6fb",
    c100="#d6e9f5",
    c200="#aed4ec",
    c300="#7cb9de",
    c400="#4a9ccd",
    c500="#0072b2",
    c600="#00659e",
    c700="#005483",
    c800="#003f63",
    c900="#002c45",
    c950="#001b2b",
)
"""Around the blue of the first codec in plots. Style sheets take it as `--primary-500` and the like."""


def make_theme() -> gr.themes.Base:
    """Calm and dense, in light and dark."""
    theme = gr.themes.Base(
        primary_hue=_ACCENT,
        secondary_hue=_ACCENT,
        neutral_hue=colors.neutral,
        spacing_size=gr.themes.sizes.spacing_sm,
        radius_size=gr.themes.sizes.radius_sm,
        text_size=gr.themes.sizes.text_sm,
        font=_FONT,
        font_mono=_MONO,
    )
    return theme.set(
        body_background_fill="#f4f4f4",
        body_background_fill_dark="#161616",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_300",
        block_background_fill="#ffffff",
        block_background_fill_dark="#202020",
        block_border_color="#dcdcdc",
        block_border_color_dark="#363636",
        block_shadow="none",
        block_title_text_weight="600",
        button_primary_background_fill="*primary_500",
        button_primary_background_fill_hover="*primary_600",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active_dark="*primary_200",
        slider_color="*primary_500",
        slider_color_dark="*primary_400",
    )
