"""How our pictures look: an empty figure in the house style, its colours, and a figure as a PNG.

Only `matplotlib.figure.Figure`, never pyplot: no window, no global state, safe beside a running trainer.
Figures are small in inches, so that their text stays readable where the page is as narrow as a phone. They
are drawn in dark ink on white, with colours after Paul Tol (told apart by the colour-blind) in middle tones: on a
dark page the style sheet inverts their lightness and keeps their hues.
"""

from __future__ import annotations

import io
import re

from matplotlib.axes import Axes
from matplotlib.figure import Figure

PIXELS_PER_INCH = 160
INK, FAINT, ABSENT = "#24292f", "#8b949e", "#eef0f2"


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def inline_svg(figure: Figure) -> str:
    """The figure as an SVG element for a page: its ink is the page's, and it is as wide as its place."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=PIXELS_PER_INCH, transparent=True)
    drawn = buffer.getvalue()
    element = drawn[drawn.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r'<svg[^>]*(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', element, count=1)


def canvas(width: float, height: float, *, ink: str = INK, paper: str = "white") -> tuple[Figure, Axes]:
    """An empty figure of so many inches, and its axes with two spines and quiet ticks."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor=paper)
    axes = figure.add_subplot(facecolor=paper)
    dress(axes, ink=ink)
    return figure, axes


def dress(axes: Axes, *, ink: str = INK) -> None:
    """Two spines and quiet ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
    axes.tick_params(labelsize=11, color=FAINT, labelcolor=ink)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=ink, fontsize=12)
