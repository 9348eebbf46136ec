from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ser_lightning.meta.fitting import fit
from ser_lightning.meta.members import read_members
from ser_lightning.meta.protocols import stack_protocol
from ser_lightning.meta.search import Search
from ser_lightning.meta.together import Clips, put_together

SEARCH = Search(meta="logistic", iterations=1, num_folds=2, jobs=1, seed=0)


def told(entries, change=lambda both: both):
    both = change(put_together(read_members([str(entry) for entry in entries])))
    return both, stack_protocol(both, fit(both, SEARCH, tell=lambda text: None), SEARCH)


def test_of_single_runs_it_is_the_members_with_notes_added(singles):
    both, made = told(singles)
    member = both.members[0].first.protocol
    assert {key: value for key, value in made.items() if key != "notes"} == {
        key: value for key, value in member.items() if key != "notes"
    }
    assert made["notes"] == [
        "a note of the members",
        "a stack of 2 members (loud, pleasant) by logistic",
        "the meta-learner was fitted on the members' predictions of the 64 val clips (4 speakers), by which the "
        "members' best epochs and temperatures were chosen too; no test clip was used",
        "the stack's score on val is of fits without each inner fold, with settings that were chosen on all of val",
        "settings were chosen on inner folds of disjoint speakers",
    ]


def test_a_member_of_other_training_clips_is_named(singles, make_run, single_parts, tmp_path):
    fewer = make_run(tmp_path / "b", "pleasant", parts=single_parts | {"train": single_parts["train"][:5]})
    assert "pleasant was not trained on the same clips as loud" in told((singles[0], fewer))[1]["notes"]


def test_of_folds_it_is_that_of_all_clips_together(multiruns):
    _, made = told(multiruns)
    assert (made["split_fold"], made["split_folds"], made["speaker_disjoint"]) == (None, 3, True)
    assert made["parts"] == {
        "train": {"clips": 32, "speakers": 4, "corpora": ["toy"]},
        "val": {"clips": 32, "speakers": 4, "corpora": ["toy"]},
        "test": {"clips": 96, "speakers": 12, "corpora": ["toy"]},
    }
    assert "all 3 folds" in made["sentence"]
    assert "96 tested in all" in made["sentence"]
    assert "12 test speakers, none of them in training" in made["sentence"]


def test_of_folds_the_notes_say_what_is_excluded_and_what_is_not(multiruns):
    _, made = told(multiruns)
    _, _, crossed, left, final, inner = made["notes"]
    assert crossed.endswith("the out-of-fold predictions of the other 2 folds, none of them of its speaker")
    assert left.startswith("not excluded: these out-of-fold predictions are of members that were trained, or validated")
    assert "fitted on all 96 out-of-fold predictions" in final
    assert inner == "settings were chosen on inner folds of disjoint speakers"


@pytest.mark.parametrize(
    ("speaker", "said"),
    [(pl.lit("s01"), "though 1 speaker is in several folds"), (pl.lit(""), "whose speakers are not known")],
)
def test_speakers_of_several_folds_are_not_said_to_be_new(multiruns, speaker, said):
    def change(both):
        clips = both.parts["test"]
        of_one = Clips(clips.table.with_columns(speaker=speaker), clips.labels, clips.probabilities)
        return replace(both, parts={"test": of_one})

    _, made = told(multiruns, change)
    assert any(note.endswith(said) for note in made["notes"])
    assert "settings were chosen on inner folds of disjoint texts, for want of speakers" in made["notes"]


def test_one_member_that_knows_the_voices_makes_it_a_score_of_known_voices(singles):
    def change(both):
        second = both.members[1].first
        known = replace(second, metrics={**second.metrics, "protocol": {**second.protocol, "speaker_disjoint": False}})
        return replace(both, members=(both.members[0], replace(both.members[1], runs=(known,))))

    assert told(singles, change)[1]["speaker_disjoint"] is False


def test_classes_that_no_fold_tests_are_absent(multiruns):
    def change(both):
        clips = both.parts["test"]
        kept = (clips.table["label"] != "sad").to_numpy()
        fewer = Clips(clips.table.filter(pl.Series(kept)), clips.labels, clips.probabilities[:, kept])
        return replace(both, parts={"test": fewer}, fold=both.fold[np.flatnonzero(kept)])

    assert told(multiruns, change)[1]["absent"] == {"train": [], "val": [], "test": ["sad"]}
