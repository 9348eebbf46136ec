"""Runs written by hand, put together, ranked and compared: every number against a hand-worked one or metrics.json."""

import io
import json

import numpy as np
import polars as pl
import pytest
import yaml
from rich.console import Console

from ser_lightning.errors import UserError
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.comparison import compare
from ser_lightning.evaluation.comparison_files import write_files
from ser_lightning.evaluation.comparison_leak import leak_gaps, leak_lines
from ser_lightning.evaluation.comparison_runs import read_configurations
from ser_lightning.evaluation.comparison_terminal import show
from ser_lightning.evaluation.predictions import predictions_table, read_predictions, write_predictions

LABELS = ("angry", "sad")
CONFIG = {
    "name": "toy",
    "seed": 0,
    "data_dir": "data",
    "data": {"seed": 0, "batch_size": 8},
    "corpus": {"_target_": "corpora.Toy", "root": "here"},
    "split": {"seed": 0, "fold": 1},
    "model": {"backbone": "a"},
    "optimizer": {"lr": 0.001},
    "trainer": {"devices": 1, "max_epochs": 2},
    "logger": {},
}


def protocol(fold=None, folds=None, *, split="speaker", known=False, **changes):
    place = f"fold {fold} of {folds}" if fold else "seed 0"
    return {
        "sentence": f"toy, split {split} ({place})",
        "corpora": ["toy"],
        "label_sources": {"toy": "acted"},
        "label_set": "native",
        "labels": list(LABELS),
        "merged": {},
        "dropped": {},
        "split": split,
        "split_seed": 0,
        "split_fold": fold,
        "split_folds": folds,
        "split_details": "",
        "parts": {part: {"clips": 8, "speakers": 2, "corpora": ["toy"]} for part in ("train", "val", "test")},
        "absent": {"train": [], "val": [], "test": []},
        "shared_speakers": {"train_val": 0, "train_test": int(known), "val_test": 0},
        "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
        "speaker_disjoint": not known,
        "speakers_known": True,
        "notes": [],
    } | changes


def clips_of(speakers, takes=2):
    """Angry clips, then sad ones, `takes` of each, speaker by speaker."""
    rows = [(speaker, label, take) for speaker in speakers for label in LABELS for take in range(takes)]
    return pl.DataFrame(
        {
            "clip": [f"toy/{speaker}/{label}{take}" for speaker, label, take in rows],
            "corpus": "toy",
            "speaker": [speaker for speaker, _, _ in rows],
            **dict.fromkeys(("sex", "text", "intensity"), ""),
            "seconds": 1.0,
            "label": [label for _, label, _ in rows],
        }
    )


def write_run(folder, clips, right, *, about, config=None):
    """A finished run on `clips`, of which those are right that `right` says."""
    own = np.array([[label == other for other in LABELS] for label in clips["label"]])
    p = np.where(own == np.array(right)[:, None], 0.8, 0.2)
    table = predictions_table(clips, p, LABELS)
    write_predictions(folder / "predictions" / "test.csv", table)
    stored = assess(
        {"test": read_predictions(folder / "predictions" / "test.csv")}, LABELS, protocol=about, temperature=1.0
    )
    (folder / "metrics.json").write_text(json.dumps(stored))
    merged = CONFIG | {
        key: CONFIG[key] | value if isinstance(value, dict) else value for key, value in (config or {}).items()
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(merged))
    return folder


def compared(folder):
    return compare(read_configurations([str(folder)]))


def voices(count, start=0):
    return [f"v{number:02}" for number in range(start, start + count)]


def some_right(clips, share, seed=0):
    return np.random.default_rng(seed).random(len(clips)) < share


@pytest.fixture
def folds(tmp_path):
    """Three folds of four speakers, two seeds: right are 3, 2, 1 of every 4 clips, and one more of the second seed."""
    for seed in (0, 1):
        for fold in (1, 2, 3):
            clips = clips_of(voices(4, 4 * fold))
            right = [take < 4 - fold for _ in voices(4) for take in (0, 2, 1, 3)]
            right[3] = right[3] or bool(seed)
            config = {"seed": seed, "data": {"seed": seed}, "split": {"fold": fold}}
            write_run(tmp_path / f"{seed}{fold}", clips, right, about=protocol(fold, 3, split="kfold"), config=config)
    return tmp_path


def test_folds_are_pooled_and_seeds_averaged(folds):
    [ranking] = compared(folds).rankings
    [one] = ranking.standings
    scored = one.scored
    # 24 angry clips: takes (0, 2) right below 3, 2, 1: 8 + 4 + 4; 24 sad ones: takes (1, 3): 4 + 4 + 0.
    first = (16 / 24 + 8 / 24) / 2
    second = (16 / 24 + (8 + 3) / 24) / 2
    assert scored.scores["balanced_accuracy"] == pytest.approx((first + second) / 2)
    assert scored.over_seeds["balanced_accuracy"] == pytest.approx((second - first) / np.sqrt(2))
    of_folds = [(8 / 8 + 4.5 / 8) / 2, (4 / 8 + 4.5 / 8) / 2, (4 / 8 + 0.5 / 8) / 2]
    assert scored.of_folds == pytest.approx(of_folds)
    assert scored.over_folds["balanced_accuracy"] == pytest.approx(np.std(of_folds, ddof=1))
    assert scored.confusion.tolist() == [[32, 16], [48 - 19, 19]]
    assert one.configuration.folds == (1, 2, 3)
    assert ranking.num_speakers == 12
    assert one.scored.of_speakers["toy/v08"] == pytest.approx((0.5 + 0.75) / 2)  # its fourth clip is right in seed 1


def test_each_fold_has_a_column_and_a_row(folds):
    comparison = compared(folds)
    scores = comparison.rankings[0].standings[0].scored.of_folds
    console = Console(file=io.StringIO(), width=120)
    show(console, comparison)
    assert "     fold 1   fold 2   fold 3" in console.file.getvalue()
    assert " 1" + "".join(f"    {score:.3f}" for score in scores) in console.file.getvalue()
    write_files(folds / "out", comparison)
    rows = pl.read_csv(folds / "out" / "folds.csv")
    assert rows["fold"].to_list() == [1, 2, 3]
    assert rows["balanced_accuracy"].to_list() == pytest.approx(scores)


def test_the_sentence_of_folds_speaks_of_all_of_them(folds):
    [ranking] = compared(folds).rankings
    assert ranking.protocol.sentence == (
        "toy, label set native (2 classes), split kfold (all 3 folds, seed 0): 8 train / 8 val / 8 test clips a fold, "
        "48 tested in all; 12 test speakers, none of them in training of the fold that tests it"
    )
    assert ranking.notes == ()


def test_one_run_has_the_scores_intervals_and_sentence_of_its_metrics(tmp_path):
    clips = clips_of(voices(12), takes=5)
    run = write_run(tmp_path / "a", clips, some_right(clips, 0.7), about=protocol())
    stored = json.loads((run / "metrics.json").read_text())
    [ranking] = compared(run).rankings
    scored = ranking.standings[0].scored
    assert scored.scores == {name: pytest.approx(stored["test"][name]) for name in scored.scores}
    assert {name: list(ends) for name, ends in scored.intervals.items()} == {
        name: pytest.approx(ends) for name, ends in stored["test"]["intervals"]["scores"].items()
    }
    assert scored.confusion.tolist() == stored["test"]["confusion"]
    assert ranking.protocol.sentence == "toy, split speaker (seed 0)"
    assert scored.over_folds["balanced_accuracy"] is None
    assert scored.over_seeds["balanced_accuracy"] is None


def test_the_better_one_is_first_and_the_pair_is_tested_by_speaker(tmp_path):
    clips = clips_of(voices(12))
    half = [True, False] * 24
    write_run(tmp_path / "0", clips, half, about=protocol())
    write_run(tmp_path / "1", clips, [True] * 48, about=protocol(), config={"model": {"backbone": "b"}})
    [ranking] = compared(tmp_path).rankings
    assert [one.name for one in ranking.standings] == ["model.backbone=b", "model.backbone=a"]
    [pair] = ranking.pairs
    assert (pair.first, pair.second) == (1, 2)
    assert pair.difference == pytest.approx(0.5)
    assert pair.around == pytest.approx((0.5, 0.5))  # the difference is the same for every speaker
    assert pair.test.p == 2 / 2**12 == pair.adjusted_p
    assert (pair.clip_level.only_first, pair.clip_level.only_second) == (24, 0)
    assert pair.clip_level.p == pytest.approx(2 / 2**24)


def test_holm_is_over_all_pairs_of_the_protocol(tmp_path):
    clips = clips_of(voices(12), takes=5)
    for number, share in enumerate((0.9, 0.6, 0.55)):
        config = {"optimizer": {"lr": 10.0**-number}}
        write_run(tmp_path / str(number), clips, some_right(clips, share, number), about=protocol(), config=config)
    [ranking] = compared(tmp_path).rankings
    assert [(pair.first, pair.second) for pair in ranking.pairs] == [(1, 2), (1, 3), (2, 3)]
    p = np.array([pair.test.p for pair in ranking.pairs])
    smallest, middle, largest = np.argsort(p)
    adjusted = [pair.adjusted_p for pair in ranking.pairs]
    assert adjusted[smallest] == pytest.approx(3 * p[smallest])
    assert adjusted[middle] == pytest.approx(max(3 * p[smallest], 2 * p[middle]))
    assert adjusted[largest] == pytest.approx(max(adjusted[middle], p[largest]))
    for pair in ranking.pairs:
        scores = [ranking.standings[rank - 1].scored.scores["balanced_accuracy"] for rank in (pair.first, pair.second)]
        assert pair.difference == pytest.approx(scores[0] - scores[1])
        assert pair.around[0] < pair.difference < pair.around[1]


def test_pairs_of_several_seeds_compare_the_means(folds):
    for seed in (0, 1):
        for fold in (1, 2, 3):
            config = {"seed": seed, "split": {"fold": fold}, "model": {"backbone": "b"}}
            clips = clips_of(voices(4, 4 * fold))
            write_run(
                folds / f"b{seed}{fold}", clips, [True] * 16, about=protocol(fold, 3, split="kfold"), config=config
            )
    [ranking] = compared(folds).rankings
    [pair] = ranking.pairs
    assert pair.difference == pytest.approx(1.0 - ranking.standings[1].scored.scores["balanced_accuracy"])
    assert pair.clip_level.only_first == 48 - 24  # of seed 0, which has 16 + 8 right


def test_few_speakers_have_their_values_one_by_one_and_no_small_p(tmp_path):
    clips = clips_of(voices(4))
    write_run(tmp_path / "0", clips, [True, True, True, False] * 4, about=protocol())
    write_run(tmp_path / "1", clips, [True, False] * 8, about=protocol(), config={"model": {"backbone": "b"}})
    [ranking] = compared(tmp_path).rankings
    assert ranking.no_interval.startswith("4 speakers are too few")
    assert ranking.standings[0].scored.intervals == {}
    assert ranking.standings[0].scored.of_speakers == {f"toy/{name}": 0.75 for name in voices(4)}
    [pair] = ranking.pairs
    assert pair.around is None
    assert pair.test.p == 0.125
    assert ranking.notes == (
        "4 speakers can give no p below 0.125, so no difference can be called significant at 0.05",
    )


def test_what_holm_makes_of_the_least_p_is_said(tmp_path):
    clips = clips_of(voices(7))
    for number in range(4):
        config = {"optimizer": {"lr": 0.1 + number}}
        write_run(tmp_path / str(number), clips, some_right(clips, 0.5, number), about=protocol(), config=config)
    [ranking] = compared(tmp_path).rankings
    [note] = ranking.notes
    assert "no p below 0.0156, and of 6 pairs Holm's correction makes that 0.0938" in note


def test_unknown_speakers_are_not_tested(tmp_path):
    clips = clips_of(voices(12)).with_columns(speaker=pl.lit(""))
    for number, backbone in enumerate("ab"):
        config = {"model": {"backbone": backbone}}
        write_run(tmp_path / str(number), clips, some_right(clips, 0.6, number), about=protocol(), config=config)
    [ranking] = compared(tmp_path).rankings
    [pair] = ranking.pairs
    assert pair.test is None
    assert pair.adjusted_p is None
    assert "the speakers of 48 clips are not known" in ranking.no_interval
    assert "no test over speakers: those of some clips are not known" in ranking.notes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label_set": "paper7"}, "they differ in label set (native; paper7)"),
        ({"split_seed": 3}, "they differ in split seed (0; 3)"),
        ({"split": "text", "known": True}, "split (speaker; text), voices of the test known from training (no; yes)"),
        ({"merged": {"calm as sad": 3}}, "merged labels (none; calm as sad: 3)"),
    ],
)
def test_other_protocols_are_not_ranked_together(tmp_path, changes, said):
    clips = clips_of(voices(12))
    write_run(tmp_path / "0", clips, some_right(clips, 0.5), about=protocol())
    write_run(tmp_path / "1", clips, some_right(clips, 0.7), about=protocol(**changes))
    comparison = compared(tmp_path)
    assert [len(ranking.standings) for ranking in comparison.rankings] == [1, 1]
    assert comparison.apart.startswith("2 protocols, so 2 tables and no ranking across them: ")
    assert said in comparison.apart


def test_folds_of_another_number_are_another_protocol(tmp_path):
    for number in (2, 3):
        for fold in range(1, number + 1):
            clips, about = clips_of(voices(12 // number, 12 // number * fold)), protocol(fold, number, split="kfold")
            run = tmp_path / f"{number}{fold}"
            write_run(
                run, clips, some_right(clips, 0.5), about=about, config={"split": {"folds": number, "fold": fold}}
            )
    comparison = compared(tmp_path)
    assert [len(ranking.standings) for ranking in comparison.rankings] == [1, 1]
    assert "number of folds (2; 3)" in comparison.apart


def test_one_prediction_of_all_folds_clips_is_ranked_with_the_folds_put_together(folds):
    clips = pl.concat([clips_of(voices(4, 4 * fold)) for fold in (1, 2, 3)])
    about = protocol(split="kfold", split_folds=3)  # as a stack over folds writes it
    write_run(folds / "stack", clips, [True] * 48, about=about, config={"name": "stack", "meta": "logistic"})
    [ranking] = compared(folds).rankings
    assert [one.name for one in ranking.standings] == ["stack", "toy"]
    assert ranking.protocol.missing == ""


def test_folds_evaluated_again_are_still_folds(folds):
    for number, path in enumerate(sorted(folds.iterdir())):
        config = yaml.safe_load((path / "config.yaml").read_text())
        (path / "config.yaml").write_text(yaml.safe_dump(config | {"run": f"was/{number}"}))
    [ranking] = compared(folds).rankings
    assert len(ranking.standings) == 1


@pytest.mark.parametrize("edit", ["one clip less", "one label"])
def test_only_the_very_same_clips_and_labels_are_compared(tmp_path, edit):
    clips = clips_of(voices(12))
    label = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("sad")).otherwise("label")
    other = clips[1:] if edit == "one clip less" else clips.with_columns(label=label)
    write_run(tmp_path / "0", clips, some_right(clips, 0.5), about=protocol())
    write_run(tmp_path / "1", other, some_right(other, 0.7), about=protocol(), config={"model": {"backbone": "b"}})
    comparison = compared(tmp_path)
    assert len(comparison.rankings) == 2
    assert "they differ in tested clips and their labels" in comparison.apart


def test_an_unfinished_fold_is_named(folds):
    for seed in (0, 1):
        (folds / f"{seed}2" / "metrics.json").unlink()
    [ranking] = compared(folds).rankings
    assert "(folds 1, 3 of 3, seed 0)" in ranking.protocol.sentence
    assert ranking.notes == ("no finished run of fold 2 of 3, so not every clip is tested",)


def test_a_seed_with_fewer_folds_is_left_out_by_name(folds):
    (folds / "12" / "metrics.json").unlink()
    [ranking] = compared(folds).rankings
    [one] = ranking.standings
    assert list(one.configuration.tests) == [0]
    assert ranking.notes == ("toy: seed 1 is left out: of folds 1, 2, 3 it has finished only 1, 3",)


def test_a_configuration_that_was_trained_on_other_clips_is_said(tmp_path):
    clips = clips_of(voices(12))
    write_run(tmp_path / "0", clips, some_right(clips, 0.9), about=protocol())
    about = protocol() | {"sentence": "toy, but with more training clips"}
    write_run(tmp_path / "1", clips, some_right(clips, 0.5), about=about, config={"split": {"val_fraction": 0.1}})
    [ranking] = compared(tmp_path).rankings
    assert any(note.endswith("was trained on other clips: toy, but with more training clips") for note in ranking.notes)


def test_two_runs_of_one_configuration_seed_and_fold_are_refused(tmp_path):
    clips = clips_of(voices(3))
    paths = [write_run(tmp_path / name, clips, [True] * 12, about=protocol()) for name in ("first", "second")]
    with pytest.raises(UserError) as error:
        compared(tmp_path)
    assert error.value.problems == [
        f"runs of the same configuration, seed and fold: {paths[0]}, {paths[1]}; name one of them"
    ]


def test_a_run_named_twice_is_one(tmp_path):
    clips = clips_of(voices(3))
    run = write_run(tmp_path / "first", clips, [True] * 12, about=protocol())
    assert len(read_configurations([str(run), str(tmp_path), str(run / ".." / "first")])) == 1


def test_runs_without_test_predictions_and_clips_tested_twice_are_refused(tmp_path):
    clips = clips_of(voices(3))
    write_run(tmp_path / "a", clips, [True] * 12, about=protocol())
    (tmp_path / "a" / "predictions" / "test.csv").unlink()
    with pytest.raises(UserError, match=r"a has no predictions/test\.csv"):
        compared(tmp_path / "a")
    for fold in (1, 2):
        config = {"split": {"fold": fold}}
        write_run(tmp_path / "b" / str(fold), clips, [True] * 12, about=protocol(fold, 2), config=config)
    with pytest.raises(UserError, match=r"12 clips are tested in several folds .*, such as toy/v00/angry0"):
        compared(tmp_path / "b")


def test_a_seed_that_tests_other_clips_is_refused(tmp_path):
    for seed in (0, 1):
        clips = clips_of(voices(3, seed))
        write_run(tmp_path / str(seed), clips, [True] * 12, about=protocol(), config={"seed": seed})
    with pytest.raises(UserError, match="seed 1 tests other clips than"):
        compared(tmp_path)


def test_no_runs_are_refused():
    with pytest.raises(UserError, match=r"runs=\[\] names none"):
        read_configurations([])


@pytest.mark.parametrize("new_better", [False, True])
def test_the_leak_is_the_difference_of_known_and_new_voices(tmp_path, new_better):
    clips = clips_of(voices(12))
    known, new = ([True] * 48, [True, False] * 24)[:: -1 if new_better else 1]
    write_run(tmp_path / "0", clips, known, about=protocol(split="random", known=True))
    write_run(tmp_path / "1", clips, new, about=protocol())
    [gap] = leak_gaps(compared(tmp_path))
    [row] = gap.gaps
    assert row.difference == pytest.approx(-0.5 if new_better else 0.5)
    assert row.known.scored.scores["balanced_accuracy"] == (0.5 if new_better else 1.0)
    sentences = [line for line in leak_lines(gap) if isinstance(line, str) and line.startswith("protocol")]
    assert sentences == [
        "protocol, random: toy, split random (seed 0)",
        "protocol, speaker: toy, split speaker (seed 0)",
    ]


def test_there_is_no_leak_to_tell_of_one_kind_of_voices(tmp_path):
    clips = clips_of(voices(3))
    write_run(tmp_path / "0", clips, [True] * 12, about=protocol())
    write_run(tmp_path / "1", clips, [True] * 12, about=protocol(split_seed=1))
    assert leak_gaps(compared(tmp_path)) == []
