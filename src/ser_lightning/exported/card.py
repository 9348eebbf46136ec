"""README.md of an exported model, as hubs show it: how to use it, what it was trained on, its scores and limits.

Every number is one of the run's metrics.json, with its protocol, or was measured at the export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import yaml

from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.report_run import Run
from ser_lightning.evaluation.report_values import Score, calibration_rows, group_tables, score_rows, speaker_table
from ser_lightning.evaluation.summary import interval_note, shown
from ser_lightning.exported.facts import LANGUAGES, languages
from ser_lightning.recognition.checkpoint import Description

IN_FRONT = {"accuracy": "accuracy", "macro_f1": "f1", "auroc": "roc_auc", "balanced_accuracy": "balanced_accuracy"}
"""The scores of the front matter, by what the hub calls them."""
FEW_SPEAKERS = 100


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A corpus as it is cited; empty where that is not known."""

    title: str
    licence: str = "not stated"
    citation: str = "not stated"
    page: str = ""


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What the card says besides the run's own files.

    `files` holds what was measured of each file by its name, `compared` on what that was, and `corpora` the corpora
    that are known by their names.
    """

    name: str
    about: Description
    files: Mapping[str, Mapping[str, Any]]
    compared: str
    corpora: Mapping[str, Cited]


def model_card(run: Run, facts: CardFacts) -> str:
    """The text of README.md."""
    environment = jinja2.Environment(
        autoescape=False,  # it is Markdown; `text` escapes what a run's files say
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        lstrip_blocks=True,
    )
    environment.filters.update(text=escaped, score=_score, shown=shown)
    template = resources.files("ser_lightning.exported").joinpath("card.md.j2").read_text(encoding="utf-8")
    groups = run.scores.get("groups", {})
    trained_on = run.metrics["protocol"]["corpora"]
    return environment.from_string(template).render(
        front=yaml.safe_dump(front_matter(run, facts), sort_keys=False, allow_unicode=True),
        facts=facts,
        run=run,
        protocol=run.metrics["protocol"],
        rows=score_rows([run.scores]),
        note=interval_note(run.scores) if "intervals" in run.scores else "no intervals of this part",
        per_class=run.scores.get("per_class", {}),
        groupings=group_tables(groups),
        speakers=speaker_table(groups),
        calibration=calibration_rows(run.metrics, run.part) if run.temperature is not None else [],
        few=run.metrics["protocol"]["parts"]["train"]["speakers"] < FEW_SPEAKERS,
        corpora=[facts.corpora.get(name, Cited(title=escaped(name))) for name in trained_on],
        languages=[LANGUAGES[code] for code in languages(trained_on)],
        acted=_labelled(run, "acted"),
        made_up=_labelled(run, "made"),
    )


def front_matter(run: Run, facts: CardFacts) -> dict[str, Any]:
    """What a hub reads: kind of model, languages, and the scores with the protocol as the name of the dataset."""
    protocol = run.metrics["protocol"]
    found = {row.key: row.cells[0].value for row in score_rows([run.scores])}
    measured = [
        {"type": kind, "name": key.replace("_", " "), "value": round(found[key] or 0.0, 4)}
        for key, kind in IN_FRONT.items()
        if found.get(key) is not None
    ]
    spoken = languages(protocol["corpora"])
    return {
        "library_name": "ser_lightning",
        "pipeline_tag": "audio-classification",
        "tags": ["audio-classification", "speech-emotion-recognition", *_formats(facts.files)],
        **({"language": spoken} if spoken else {}),
        "license": "other",
        "license_name": "see-the-corpora",
        "metrics": [measure["type"] for measure in measured],
        "model-index": [
            {
                "name": facts.name,
                "results": [
                    {
                        "task": {"type": "audio-classification", "name": "Speech emotion recognition"},
                        "dataset": {"type": "-".join(protocol["corpora"]), "name": protocol["sentence"]},
                        "metrics": measured,
                    }
                ],
            }
        ],
    }


def escaped(text: object) -> str:
    r"""Text from a run's files, so that it cannot become Markdown, HTML, or another cell of a table.

    >>> print(escaped("a|b <img> [x](y)"))
    a\|b &lt;img> \[x\](y)
    """
    return re.sub(r"([\\|`*\[\]])", r"\\\1", " ".join(str(text).split())).replace("<", "&lt;")


def _labelled(run: Run, how: str) -> list[str]:
    """The corpora whose labels are of this source."""
    return [name for name, labels in run.metrics["protocol"]["label_sources"].items() if labels == how]


def _formats(files: Mapping[str, Any]) -> Sequence[str]:
    return [kind for kind, name in (("onnx", "model.onnx"), ("pytorch", "model.pt2")) if name in files]


def _score(score: Score) -> str:
    return said(score.value, score.interval)
