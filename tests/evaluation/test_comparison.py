"""Runs written by hand, ranked and compared: every number against a hand-worked one or metrics.json."""

import io
import json

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from ser_lightning.evaluation.comparison_files import write_files
from ser_lightning.evaluation.comparison_groups import pooled_groups
from ser_lightning.evaluation.comparison_page import write_comparison
from ser_lightning.evaluation.comparison_terminal import show


def test_folds_are_pooled_and_seeds_averaged(toy, folds):
    [ranking] = toy.compared(folds).rankings
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


def test_each_fold_has_a_column_and_a_row(toy, folds):
    comparison = toy.compared(folds)
    scores = comparison.rankings[0].standings[0].scored.of_folds
    console = Console(file=io.StringIO(), width=120)
    show(console, comparison)
    assert "     fold 1   fold 2   fold 3" in console.file.getvalue()
    assert " 1" + "".join(f"    {score:.3f}" for score in scores) in console.file.getvalue()
    write_files(folds / "out", comparison, pooled_groups(comparison))
    rows = pl.read_csv(folds / "out" / "folds.csv")
    assert rows["fold"].to_list() == [1, 2, 3]
    assert rows["balanced_accuracy"].to_list() == pytest.approx(scores)


def test_one_run_has_the_scores_intervals_and_sentence_of_its_metrics(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12), takes=5)
    run = toy.write_run(tmp_path / "a", clips, toy.some_right(clips, 0.7), about=toy.protocol())
    stored = json.loads((run / "metrics.json").read_text())
    [ranking] = toy.compared(run).rankings
    scored = ranking.standings[0].scored
    assert scored.scores == {name: pytest.approx(stored["test"][name]) for name in scored.scores}
    assert {name: list(ends) for name, ends in scored.intervals.items()} == {
        name: pytest.approx(ends) for name, ends in stored["test"]["intervals"]["scores"].items()
    }
    assert scored.confusion.tolist() == stored["test"]["confusion"]
    assert ranking.protocol.sentence == "toy, split speaker (seed 0)"
    assert scored.over_folds["balanced_accuracy"] is None
    assert scored.over_seeds["balanced_accuracy"] is None


def test_the_better_one_is_first_and_the_pair_is_tested_by_speaker(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12))
    half = [True, False] * 24
    toy.write_run(tmp_path / "0", clips, half, about=toy.protocol())
    toy.write_run(tmp_path / "1", clips, [True] * 48, about=toy.protocol(), config={"model": {"backbone": "b"}})
    [ranking] = toy.compared(tmp_path).rankings
    assert [one.name for one in ranking.standings] == ["model.backbone=b", "model.backbone=a"]
    [pair] = ranking.pairs
    assert (pair.first, pair.second) == (1, 2)
    assert pair.difference == pytest.approx(0.5)
    assert pair.around == pytest.approx((0.5, 0.5))  # the difference is the same for every speaker
    assert pair.test.p == 2 / 2**12 == pair.adjusted_p
    assert (pair.clip_level.only_first, pair.clip_level.only_second) == (24, 0)
    assert pair.clip_level.p == pytest.approx(2 / 2**24)


def test_holm_is_over_all_pairs_of_the_protocol(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12), takes=5)
    for number, share in enumerate((0.9, 0.6, 0.55)):
        config = {"optimizer": {"lr": 10.0**-number}}
        toy.write_run(
            tmp_path / str(number), clips, toy.some_right(clips, share, number), about=toy.protocol(), config=config
        )
    [ranking] = toy.compared(tmp_path).rankings
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


def test_pairs_of_several_seeds_compare_the_means(toy, folds):
    for seed in (0, 1):
        for fold in (1, 2, 3):
            config = {"seed": seed, "split": {"fold": fold}, "model": {"backbone": "b"}}
            clips = toy.clips_of(toy.voices(4, 4 * fold))
            toy.write_run(
                folds / f"b{seed}{fold}", clips, [True] * 16, about=toy.protocol(fold, 3, split="kfold"), config=config
            )
    [ranking] = toy.compared(folds).rankings
    [pair] = ranking.pairs
    assert pair.difference == pytest.approx(1.0 - ranking.standings[1].scored.scores["balanced_accuracy"])
    assert pair.clip_level.only_first == 48 - 24  # of seed 0, which has 16 + 8 right


def test_few_speakers_have_their_values_one_by_one_and_no_small_p(toy, tmp_path):
    clips = toy.clips_of(toy.voices(4))
    toy.write_run(tmp_path / "0", clips, [True, True, True, False] * 4, about=toy.protocol())
    toy.write_run(tmp_path / "1", clips, [True, False] * 8, about=toy.protocol(), config={"model": {"backbone": "b"}})
    [ranking] = toy.compared(tmp_path).rankings
    assert ranking.no_interval.startswith("4 speakers are too few")
    assert ranking.standings[0].scored.intervals == {}
    assert ranking.standings[0].scored.of_speakers == {f"toy/{name}": 0.75 for name in toy.voices(4)}
    [pair] = ranking.pairs
    assert pair.around is None
    assert pair.test.p == 0.125
    assert ranking.notes == (
        "4 speakers can give no p below 0.125, so no difference can be called significant at 0.05",
    )


def test_what_holm_makes_of_the_least_p_is_said(toy, tmp_path):
    clips = toy.clips_of(toy.voices(7))
    for number in range(4):
        config = {"optimizer": {"lr": 0.1 + number}}
        toy.write_run(
            tmp_path / str(number), clips, toy.some_right(clips, 0.5, number), about=toy.protocol(), config=config
        )
    [ranking] = toy.compared(tmp_path).rankings
    [note] = ranking.notes
    assert "no p below 0.0156, and of 6 pairs Holm's correction makes that 0.0938" in note


def test_unknown_speakers_are_not_tested(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12)).with_columns(speaker=pl.lit(""))
    for number, backbone in enumerate("ab"):
        config = {"model": {"backbone": backbone}}
        toy.write_run(
            tmp_path / str(number), clips, toy.some_right(clips, 0.6, number), about=toy.protocol(), config=config
        )
    [ranking] = toy.compared(tmp_path).rankings
    [pair] = ranking.pairs
    assert pair.test is None
    assert pair.adjusted_p is None
    assert "the speakers of 48 clips are not known" in ranking.no_interval
    assert "no test over speakers: those of some clips are not known" in ranking.notes


def test_one_prediction_of_all_folds_clips_is_ranked_with_the_folds_put_together(toy, folds):
    clips = pl.concat([toy.clips_of(toy.voices(4, 4 * fold)) for fold in (1, 2, 3)])
    about = toy.protocol(split="kfold", split_folds=3)  # as a stack over folds writes it
    toy.write_run(folds / "stack", clips, [True] * 48, about=about, config={"name": "stack", "meta": "logistic"})
    [ranking] = toy.compared(folds).rankings
    assert [one.name for one in ranking.standings] == ["stack", "toy"]
    assert ranking.protocol.missing == ""


@pytest.fixture
def stacked(toy, folds):
    """The folds, and a stack over them: one prediction of every clip, without folds of its own, and the better one."""
    clips = pl.concat([toy.clips_of(toy.voices(4, 4 * fold)) for fold in (1, 2, 3)])
    about = toy.protocol(split="kfold", split_folds=3)
    toy.write_run(folds / "stack", clips, [True] * 48, about=about, config={"name": "stack", "meta": "logistic"})
    return toy.compared(folds)


def test_what_has_no_folds_of_its_own_has_no_score_under_a_fold(stacked, tmp_path):
    [ranking] = stacked.rankings
    stack, member = ranking.standings
    assert (stack.name, stack.scored.of_folds, stack.of_fold) == ("stack", [], {})
    assert ranking.folds == [1, 2, 3]
    console = Console(file=io.StringIO(), width=120)
    show(console, stacked)
    assert "     fold 1   fold 2   fold 3" in console.file.getvalue()
    assert "\n 1        -        -        - \n" in console.file.getvalue()
    assert "\n 2" + "".join(f"    {score:.3f}" for score in member.scored.of_folds) in console.file.getvalue()
    groups = pooled_groups(stacked)
    write_files(tmp_path / "out", stacked, groups)
    rows = pl.read_csv(tmp_path / "out" / "folds.csv").select("configuration", "fold", "balanced_accuracy").rows()
    assert rows == [("toy", fold, pytest.approx(score)) for fold, score in member.of_fold.items()]
    page = write_comparison(tmp_path / "out", stacked, groups).read_text()
    assert '<th scope="col">fold 3</th>' in page
    assert '<tr><th scope="row">1</th><td>—</td><td>—</td><td>—</td></tr>' in page
