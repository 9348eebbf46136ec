"""The page: controls on the left, what the model says on the right, one below the other on a phone.

All that is shown is HTML with everything in it: Gradio would keep pictures as files.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import gradio

from ser_lightning.data.audio import BadAudioError
from ser_lightning.recognition.answer import Answer
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.trying.answering import headline, heard, problem
from ser_lightning.trying.hearing import Limits, duration

TITLE = "Which emotion is heard?"
WAITING = '<p class="waiting">Hand over a recording of one voice: the answer comes here.</p>'
SHOWN_CLASSES = 40
FORGOTTEN = (60, 300)
"""Every minute Gradio deletes what is five minutes old: uploads whose page was closed before it asked."""


class Answering:
    """What happens when a visitor hands over a recording or asks for more certainty; uploads lie in `folder`."""

    def __init__(self, recognizer: Recognizer, *, limits: Limits, folder: Path) -> None:
        self.recognizer = recognizer
        self.limits = limits
        self.folder = folder.resolve()

    def listen(self, path: str | None, threshold: float) -> list[Any]:
        """Headline, probabilities, picture, and the answer that the page keeps; the upload is deleted."""
        if path is None:
            return [WAITING, gradio.Label(visible=False), "", None]
        upload = Path(path)
        try:
            said = heard(self.recognizer, upload, self.limits)
        except BadAudioError as error:
            return [problem(f"{error}."), gradio.Label(visible=False), "", None]
        finally:
            self._forget(upload)
        label = gradio.Label(said.answer.probabilities, visible=True)
        return [headline(said.answer, threshold), label, said.picture, said.answer]

    def again(self, answer: Answer | None, threshold: float) -> Any:
        """The headline with another threshold."""
        return gradio.skip() if answer is None else headline(answer, threshold)

    def _forget(self, upload: Path) -> None:
        """Delete an upload with the folder that Gradio made for it; nothing elsewhere."""
        folder = upload.resolve().parent
        if folder.parent == self.folder:
            shutil.rmtree(folder, ignore_errors=True)


def build_page(answering: Answering, *, about: str, threshold: float | None) -> gradio.Blocks:
    """The page around a model; `about` is its card as HTML."""
    limits = answering.limits
    page = gradio.Blocks(title=TITLE, analytics_enabled=False, delete_cache=FORGOTTEN)
    with page:
        gradio.HTML(f"<h1>{TITLE}</h1>", padding=False)
        kept = gradio.State(None)
        with gradio.Row():
            with gradio.Column(scale=2, min_width=300):
                sound = gradio.Audio(
                    sources=["upload", "microphone"],
                    type="filepath",
                    label="Your recording",
                    editable=False,
                    buttons=[],
                )
                gradio.HTML(
                    f'<p class="terms">At most {duration(limits.seconds)} and {limits.megabytes:g} MB. The recording '
                    "goes to the computer that serves this page and to no other, and is deleted when the answer is "
                    "there.</p>",
                    padding=False,
                )
                sureness = gradio.Slider(
                    0, 1, threshold or 0.0, step=0.01, label="Say “unsure” below this probability", buttons=[]
                )
            with gradio.Column(scale=3, min_width=320):
                said = gradio.HTML(WAITING, padding=False)
                bars = gradio.Label(
                    label="Probability of each emotion",
                    show_heading=False,
                    visible=False,
                    num_top_classes=SHOWN_CLASSES,
                )
        picture = gradio.HTML(padding=False)
        with gradio.Accordion("About this model", open=False):
            gradio.HTML(about, padding=False)
        sound.change(
            answering.listen,
            [sound, sureness],
            [said, bars, picture, kept],
            api_visibility="private",
            show_progress="minimal",
        )
        sureness.change(answering.again, [kept, sureness], said, api_visibility="private", show_progress="hidden")
    return page


def style() -> str:
    """The page's style sheet."""
    return resources.files("ser_lightning.trying").joinpath("trying.css").read_text(encoding="utf-8")


def theme() -> Any:
    """Gradio's plain theme in the fonts of the visitor's own computer: none is loaded. Its grey text is darkened."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    plain = gradio.themes.Base(
        primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=("ui-monospace", "monospace")
    )
    return plain.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_600",
        block_title_text_color="*neutral_700",
        stat_background_fill="*primary_600",
        stat_background_fill_dark="*primary_400",
        slider_color="*primary_600",
    )
