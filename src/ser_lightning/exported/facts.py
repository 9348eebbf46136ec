"""What is said of an exported model, in its metadata and on its card, as the run's own files have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ser_lightning import __version__
from ser_lightning.evaluation.report_run import Run
from ser_lightning.evaluation.report_values import score_rows
from ser_lightning.recognition.checkpoint import Description

LANGUAGES = {"en": "English", "de": "German"}
"""Languages by their ISO 639-1 codes."""
SPOKEN = {"ravdess": "en", "cremad": "en", "tess": "en", "savee": "en", "emodb": "de"}
"""The language of each corpus."""
INPUT_SAYS = "float32 [batch, time] at sample_rate, within -1 and 1; all clips of a batch have the same length"
OUTPUT_SAYS = "float32 [batch, class]: calibrated probabilities, in the order of labels"


def metadata(run: Run, about: Description) -> dict[str, str]:
    """What an exported file says of itself; what is not text is JSON."""
    return {
        "library": "ser_lightning",
        "version": __version__,
        "labels": json.dumps(about.labels, ensure_ascii=False),
        "sample_rate": str(about.sample_rate),
        "window_seconds": repr(about.window_seconds),
        "temperature": repr(about.temperature),
        "preprocessing": json.dumps(about.frontend),
        "network": json.dumps(about.network),
        "protocol": run.metrics["protocol"]["sentence"],
        "part": run.part,
        "scores": json.dumps(scores(run)),
        "input": INPUT_SAYS,
        "output": OUTPUT_SAYS,
    }


def description(about: Description, files: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of config.json: what is needed to build the model again, and what is known of each file."""
    return {"library": "ser_lightning", "version": __version__, "recognizer": asdict(about), "files": dict(files)}


def scores(run: Run) -> dict[str, dict[str, Any]]:
    """Each defined score of the run's part by its name, with its interval, or None where speakers are too few."""
    return {row.key: row.cells[0]._asdict() for row in score_rows([run.scores])}


def languages(corpora: list[str]) -> list[str]:
    """The codes of the languages of corpora whose language is known.

    >>> languages(["emodb", "tess", "ravdess", "mine"])
    ['de', 'en']
    """
    return sorted({SPOKEN[name] for name in corpora if name in SPOKEN})
