"""What a stack's score stands for: the members' protocol, so that they can be ranked together, and what stacking adds.

Over folds no run has the protocol of all folds, so it is put together from theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ser_lightning.evaluation.comparison_protocols import tested_on
from ser_lightning.evaluation.intervals import voices
from ser_lightning.evaluation.runs import FinishedRun
from ser_lightning.files import read_table
from ser_lightning.meta.fitting import Fitted
from ser_lightning.meta.search import Search
from ser_lightning.meta.together import Together


def stack_protocol(together: Together, fitted: Fitted, search: Search) -> dict[str, Any]:
    """The protocol of a stack, as in metrics.json."""
    # Members may have been trained on different clips; the score is that of the one with the fewest claims.
    least = min(together.members, key=lambda member: all(run.protocol["speaker_disjoint"] for run in member.runs))
    table = together.parts["test"].table
    base = pooled_protocol(least.runs, table) if together.over_folds else dict(least.first.protocol)
    inherited = (note for member in together.members for run in member.runs for note in run.protocol["notes"])
    return base | {"notes": [*dict.fromkeys(inherited), *stack_notes(together, fitted, search)]}


def pooled_protocol(runs: Sequence[FinishedRun], table: pl.DataFrame) -> dict[str, Any]:
    """The protocol of all folds' test parts together, without a fold; `table` holds their clips.

    The sizes of train and val are those of the largest fold.
    """
    protocols = [run.protocol for run in runs]
    together = tested_on(protocols, table)
    absent = {part: _union(protocol["absent"][part] for protocol in protocols) for part in ("train", "val")}
    return {
        **protocols[0],
        "sentence": together.sentence,
        "split_fold": None,
        "parts": {part: _largest(protocols, part) for part in ("train", "val")} | {"test": _size(table)},
        "absent": absent | {"test": [label for label in protocols[0]["labels"] if label not in set(table["label"])]},
        "shared_speakers": _summed(protocol["shared_speakers"] for protocol in protocols),
        "shared_audio": _summed(protocol["shared_audio"] for protocol in protocols),
        "speaker_disjoint": all(protocol["speaker_disjoint"] for protocol in protocols),
        "speakers_known": all(protocol["speakers_known"] for protocol in protocols),
        "notes": list(together.notes),
    }


def stack_notes(together: Together, fitted: Fitted, search: Search) -> Iterator[str]:
    """What the meta-learner was fitted on, what that leaves open, and on what its settings were chosen."""
    names = ", ".join(member.name for member in together.members)
    yield f"a stack of {len(together.members)} members ({names}) by {search.meta}"
    yield from _fold_notes(together) if together.over_folds else _single_notes(together)
    yield from _inner_notes(fitted)


def _single_notes(together: Together) -> Iterator[str]:
    val = together.parts["val"].table
    yield (
        f"the meta-learner was fitted on the members' predictions of the {len(val)} val clips ({_people(val)}), by "
        "which the members' best epochs and temperatures were chosen too; no test clip was used"
    )
    yield "the stack's score on val is of fits without each inner fold, with settings that were chosen on all of val"
    first, *others = (_trained_on(member.first) for member in together.members)
    for member, clips in zip(together.members[1:], others, strict=True):
        if clips != first:
            yield f"{member.name} was not trained on the same clips as {together.members[0].name}"


def _fold_notes(together: Together) -> Iterator[str]:
    clips, fold = together.parts["test"].table, together.fold
    yield (
        f"every clip is predicted by a meta-learner that was fitted on the out-of-fold predictions of the other "
        f"{len(np.unique(fold)) - 1} folds, {_known_voices(clips, fold)}"
    )
    yield (
        "not excluded: these out-of-fold predictions are of members that were trained, or validated, on the fold that "
        "is tested, labels included; what reaches the score by that way is not measured"
    )
    yield (
        f"the stored meta-learner, for new clips, was fitted on all {len(clips)} out-of-fold predictions; a member's "
        "prediction of a new clip is the mean of its folds'; no score here is of that meta-learner, and split.csv has "
        "all its clips in train, since no clip is new to it"
    )


def _known_voices(clips: pl.DataFrame, fold: np.ndarray) -> str:
    """Whether a fold's speakers are in other folds too."""
    named = clips.select("speaker", voice=voices(clips)).with_columns(fold=pl.Series(fold))
    if (named["speaker"] == "").any():
        return "whose speakers are not known"
    num = int((named.group_by("voice").agg(pl.col("fold").n_unique())["fold"] > 1).sum())
    if num == 0:
        return "none of them of its speaker"
    return f"though {num} speaker{'s are' if num > 1 else ' is'} in several folds"


def _inner_notes(fitted: Fitted) -> Iterator[str]:
    """What the inner folds were disjoint in; a warning where this was not speakers."""
    founds = [*fitted.of_fold.values(), fitted.final]
    for disjoint, times in Counter(found.inner.disjoint for found in founds).items():
        why = "" if disjoint == "speakers" else ", for want of speakers"
        why += " and texts" if disjoint == "clips" else ""
        searches = f" ({times} of {len(founds)} searches)" if times < len(founds) else ""
        yield f"settings were chosen on inner folds of disjoint {disjoint}{why}{searches}"


def _people(table: pl.DataFrame) -> str:
    num = voices(table).n_unique()
    return "speakers unknown" if (table["speaker"] == "").any() else f"{num} speaker{'s' * (num != 1)}"


def _size(table: pl.DataFrame) -> dict[str, Any]:
    known = table.filter(pl.col("speaker") != "")
    return {
        "clips": len(table),
        "speakers": known.select("corpus", "speaker").n_unique(),
        "corpora": sorted(set(table["corpus"])),
    }


def _largest(protocols: Sequence[Mapping[str, Any]], part: str) -> dict[str, Any]:
    sizes = [dict(protocol["parts"][part]) for protocol in protocols]
    return max(sizes, key=lambda size: int(size["clips"]))


def _trained_on(run: FinishedRun) -> frozenset[str]:
    split = read_table(run.path / "split.csv")
    return frozenset(split.filter(pl.col("part") == "train")["clip"].to_list())


def _union(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, summed; a count of 0 stays.

    >>> _summed([{"train_val": 0, "train_test": 1}, {"train_val": 0, "train_test": 2}])
    {'train_val': 0, 'train_test': 3}
    """
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
