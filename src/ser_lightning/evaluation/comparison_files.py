"""The comparison as files: CSV for other programs, LaTeX for a paper; every row and table bears its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ser_lightning.evaluation.comparison import Comparison, Ranking, Standing
from ser_lightning.evaluation.comparison_groups import Groups, gap_rows, group_rows
from ser_lightning.evaluation.comparison_leak import leak_gaps
from ser_lightning.evaluation.comparison_names import said_settings
from ser_lightning.evaluation.comparison_terminal import interval_line, repetitions, said_p
from ser_lightning.evaluation.scores import NAMES
from ser_lightning.evaluation.summary import shown
from ser_lightning.files import atomic_path, write_text

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # at the start of a row it would be the space above it
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def write_files(folder: Path, comparison: Comparison, groups: Groups) -> list[Path]:
    """Write summary, folds, pairs, speakers, confusion, groups, gaps, leak and notes (.csv) and table.tex; their paths.

    A table without rows is not written.
    """
    tables = {
        "summary": list(_summary_rows(comparison)),
        "folds": list(_fold_rows(comparison)),
        "pairs": list(_pair_rows(comparison)),
        "speakers": list(_speaker_rows(comparison)),
        "confusion": list(_confusion_rows(comparison)),
        "groups": [row for place, one in groups.items() for row in group_rows(place, one)],
        "gaps": [row for place, one in groups.items() for row in gap_rows(place, one)],
        "leak": list(_leak_rows(comparison)),
        "notes": list(_note_rows(comparison)),
    }
    paths = []
    for name, rows in tables.items():
        if rows:
            paths.append(folder / f"{name}.csv")
            with atomic_path(paths[-1]) as temporary:
                pl.DataFrame(rows, infer_schema_length=None).write_csv(temporary)
    write_text(folder / "table.tex", latex(comparison))
    return [*paths, folder / "table.tex"]


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> print(escaped("model.drop_path=0.1 & 5 %"))
    model.drop\_path=0.1 \& 5 \%
    """
    return "".join(LATEX.get(sign, sign) for sign in text)


def latex(comparison: Comparison) -> str:
    """A table for each protocol, which stands in its caption."""
    tables = "\n\n".join(_latex_table(ranking) for ranking in comparison.rankings)
    return f"% needs \\usepackage{{booktabs}}\n{tables}\n"


def _latex_table(ranking: Ranking) -> str:
    deviations = any(one.scored.over_folds["balanced_accuracy"] is not None for one in ranking.standings)
    seeds = any(one.scored.over_seeds["balanced_accuracy"] is not None for one in ranking.standings)
    several = len(ranking.standings) > 1
    head = ["configuration", "balanced accuracy", *["sd folds"] * deviations]
    head += [f"sd {repetitions(ranking)}"] * seeds
    head += ["accuracy", "macro F1", "AUROC", *["$p$ to the first"] * several]
    rows = [_latex_row(ranking, one, folds=deviations, seeds=seeds) for one in ranking.standings]
    p_note = " $p$: sign-flip permutation over speakers, Holm's correction over all pairs." if several else ""
    said = " ".join(f"{escaped(note)}." for note in ranking.notes)
    return "\n".join(
        [
            *(f"% note: {' '.join(note.split())}" for note in ranking.run_notes.lines),
            r"\begin{table}",
            r"\centering",
            rf"\caption{{Protocol: {escaped(ranking.protocol.sentence)}. "
            rf"Note: {escaped(interval_line(ranking))}.{p_note}{' ' * bool(said)}{said}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            f"{' & '.join(head)} \\\\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _latex_row(ranking: Ranking, one: Standing, *, folds: bool, seeds: bool) -> str:
    scored, name = one.scored, "balanced_accuracy"
    around = scored.intervals.get(name)
    brackets = "" if around is None else f" [{around[0]:.3f}, {around[1]:.3f}]"
    cells = [escaped(one.name), shown(scored.scores[name]) + brackets]
    cells += [_dash(shown(scored.over_folds[name]))] * folds + [_dash(shown(scored.over_seeds[name]))] * seeds
    cells += [_dash(shown(scored.scores[other])) for other in ("accuracy", "macro_f1", "auroc")]
    if len(ranking.standings) > 1:
        to_first = next((pair for pair in ranking.pairs if (pair.first, pair.second) == (1, one.rank)), None)
        cells.append("--" if to_first is None else _p(to_first.adjusted_p))
    return f"{' & '.join(cells)} \\\\"


def _p(p: float | None) -> str:
    text = said_p(p)
    return f"${text}$" if text.startswith("<") else _dash(text)


def _dash(text: str) -> str:
    return "--" if text == "-" else text


def _place(number: int, one: Standing) -> dict[str, Any]:
    return {"protocol": number, "rank": one.rank, "configuration": one.name}


def _standings(comparison: Comparison) -> Iterator[tuple[int, Ranking, Standing]]:
    for number, ranking in enumerate(comparison.rankings, start=1):
        for one in ranking.standings:
            yield number, ranking, one


def _summary_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, ranking, one in _standings(comparison):
        configuration = one.configuration
        yield {
            **_place(number, one),
            "name": configuration.title,
            "differs_in": said_settings(configuration.settings, comparison.keys),
            "seeds": " ".join(map(str, dict.fromkeys(of.seed for of in configuration.tests))),
            "models": len(configuration.tests) * max(1, len(configuration.folds)),
            "folds": " ".join(map(str, configuration.folds)),
            "clips": configuration.protocol.num_clips,
            "speakers": ranking.num_speakers,
            **_score_cells(one),
            "no_interval": ranking.no_interval,
            "notes": "; ".join(_notes(one)),
            "protocol_sentence": configuration.protocol.sentence,
        }


def _score_cells(one: Standing) -> dict[str, float | None]:
    """Every score with the ends of its interval and its deviations over folds and seeds."""
    cells: dict[str, float | None] = {}
    for name in NAMES:
        low, high = one.scored.intervals.get(name, (None, None))
        cells |= {name: one.scored.scores[name], f"{name}_low": low, f"{name}_high": high}
        cells |= {f"{name}_sd_folds": one.scored.over_folds[name], f"{name}_sd_seeds": one.scored.over_seeds[name]}
    return cells


def _pair_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, ranking in enumerate(comparison.rankings, start=1):
        names = {one.rank: one.name for one in ranking.standings}
        for pair in ranking.pairs:
            low, high = pair.around if pair.around is not None else (None, None)
            yield {
                "protocol": number,
                "first": names[pair.first],
                "second": names[pair.second],
                "difference": pair.difference,
                "difference_low": low,
                "difference_high": high,
                "speakers": ranking.num_speakers,
                "p_sign_flip": None if pair.test is None else pair.test.p,
                "least_p_possible": None if pair.test is None else pair.test.least_p,
                "p_holm": pair.adjusted_p,
                "clip_level_only_first_right": pair.clip_level.only_first,
                "clip_level_only_second_right": pair.clip_level.only_second,
                "clip_level_p_mcnemar": pair.clip_level.p,
                "protocol_sentence": ranking.protocol.sentence,
            }


def _leak_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Each configuration that is tested on known and on new voices: both scores, and the difference."""
    for leak in leak_gaps(comparison):
        for row in leak.gaps:
            yield {
                "configuration": row.name,
                "balanced_accuracy_known_voices": row.known.scored.scores["balanced_accuracy"],
                "balanced_accuracy_new_voices": row.new.scored.scores["balanced_accuracy"],
                "known_minus_new": row.difference,
                "protocol_known_voices": leak.known.protocol.sentence,
                "protocol_new_voices": leak.new.protocol.sentence,
            }


def _fold_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, _, one in _standings(comparison):
        for fold, value in one.of_fold.items():
            yield {**_place(number, one), "fold": fold, "balanced_accuracy": value}


def _note_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, _, one in _standings(comparison):
        for note in _notes(one):
            yield {**_place(number, one), "note": note}


def _notes(one: Standing) -> list[str]:
    """All that is to be said of a configuration: what is missing, and the notes of its runs."""
    configuration = one.configuration
    return [note for note in (configuration.protocol.missing, *configuration.left_out, *configuration.notes) if note]


def _speaker_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, _, one in _standings(comparison):
        for speaker, value in one.scored.of_speakers.items():
            yield {**_place(number, one), "speaker": speaker, "balanced_accuracy": value}


def _confusion_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for number, ranking, one in _standings(comparison):
        totals = one.scored.confusion.sum(axis=1)
        for row, truth in enumerate(ranking.labels):
            for column, guess in enumerate(ranking.labels):
                clips = int(one.scored.confusion[row, column])
                share = clips / int(totals[row]) if totals[row] else None
                where = {"label": truth, "prediction": guess}
                yield {**_place(number, one), **where, "clips": clips, "share_of_label": share}
