"""What a visitor should know of the model: what it answers, how it was tested, and what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.report_run import read_run
from ser_lightning.evaluation.report_values import speaker_values
from ser_lightning.evaluation.scores import NAMES
from ser_lightning.evaluation.summary import interval_note, shown
from ser_lightning.pages import render
from ser_lightning.recognition.checkpoint import read_checkpoint
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.run_names import CHECKPOINT

SHOWN = ("balanced_accuracy", "accuracy", "macro_f1", "auroc", "ece")


def backbone_of(run_dir: Path) -> str:
    """The name of the network in a run's checkpoint; raises UserError."""
    description, _ = read_checkpoint(run_dir / CHECKPOINT, lazily=True)
    return str(description.network["backbone"])


def about(recognizer: Recognizer, run_dir: Path) -> str:
    """The model card as HTML; raises UserError where the run's scores are damaged."""
    run = read_run(run_dir) if (run_dir / "metrics.json").exists() else None
    return render(
        "ser_lightning.trying",
        "about.html.j2",
        filters={"shown": shown},
        labels=recognizer.labels,
        rate=recognizer.rate,
        window_seconds=recognizer.window / recognizer.rate,
        backbone=backbone_of(run_dir),
        run=run,
        rows=_rows(run.scores) if run else [],
        note=interval_note(run.scores) if run and "intervals" in run.scores else "",
        speakers=_speakers(run.scores) if run else {},
    )


def _rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The name of each score and its value, with its interval where there is one."""
    around = scores.get("intervals", {}).get("scores", {})
    return [(NAMES[key], said(scores[key], around.get(key))) for key in SHOWN if scores.get(key) is not None]


def _speakers(scores: Mapping[str, Any]) -> dict[str, float]:
    """The balanced accuracy of each speaker, where there are too few of them for an interval."""
    few = scores.get("intervals", {}).get("reason")
    return speaker_values(scores.get("groups", {})) if few else {}
