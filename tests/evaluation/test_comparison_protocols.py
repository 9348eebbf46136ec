"""Which scores stand in one ranking, and what is said of those that do not."""

import polars as pl
import pytest


def test_the_sentence_of_folds_speaks_of_all_of_them(toy, folds):
    [ranking] = toy.compared(folds).rankings
    assert ranking.protocol.sentence == (
        "toy, label set native (2 classes), split kfold (all 3 folds, seed 0): 8 train / 8 val / 8 test clips a fold, "
        "48 tested in all; 12 test speakers, none of them in training of the fold that tests it"
    )
    assert ranking.notes == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label_set": "paper7"}, "they differ in label set (native; paper7)"),
        ({"split_seed": 3}, "they differ in split seed (0; 3)"),
        ({"split": "text", "known": True}, "split (speaker; text), voices of the test known from training (no; yes)"),
        ({"merged": {"calm as sad": 3}}, "merged labels (none; calm as sad: 3)"),
    ],
)
def test_other_protocols_are_not_ranked_together(toy, tmp_path, changes, said):
    clips = toy.clips_of(toy.voices(12))
    toy.write_run(tmp_path / "0", clips, toy.some_right(clips, 0.5), about=toy.protocol())
    toy.write_run(tmp_path / "1", clips, toy.some_right(clips, 0.7), about=toy.protocol(**changes))
    comparison = toy.compared(tmp_path)
    assert [len(ranking.standings) for ranking in comparison.rankings] == [1, 1]
    assert comparison.apart.startswith("2 protocols, so 2 tables and no ranking across them: ")
    assert said in comparison.apart


def test_folds_of_another_number_are_another_protocol(toy, tmp_path):
    for number in (2, 3):
        for fold in range(1, number + 1):
            clips, about = (
                toy.clips_of(toy.voices(12 // number, 12 // number * fold)),
                toy.protocol(fold, number, split="kfold"),
            )
            run = tmp_path / f"{number}{fold}"
            toy.write_run(
                run, clips, toy.some_right(clips, 0.5), about=about, config={"split": {"folds": number, "fold": fold}}
            )
    comparison = toy.compared(tmp_path)
    assert [len(ranking.standings) for ranking in comparison.rankings] == [1, 1]
    assert "number of folds (2; 3)" in comparison.apart


@pytest.mark.parametrize("edit", ["one clip less", "one label"])
def test_only_the_very_same_clips_and_labels_are_compared(toy, tmp_path, edit):
    clips = toy.clips_of(toy.voices(12))
    label = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("sad")).otherwise("label")
    other = clips[1:] if edit == "one clip less" else clips.with_columns(label=label)
    toy.write_run(tmp_path / "0", clips, toy.some_right(clips, 0.5), about=toy.protocol())
    toy.write_run(
        tmp_path / "1", other, toy.some_right(other, 0.7), about=toy.protocol(), config={"model": {"backbone": "b"}}
    )
    comparison = toy.compared(tmp_path)
    assert len(comparison.rankings) == 2
    assert "they differ in tested clips and their labels" in comparison.apart


def test_a_configuration_that_was_trained_on_other_clips_is_said(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12))
    toy.write_run(tmp_path / "0", clips, toy.some_right(clips, 0.9), about=toy.protocol())
    about = toy.protocol() | {"sentence": "toy, but with more training clips"}
    toy.write_run(
        tmp_path / "1", clips, toy.some_right(clips, 0.5), about=about, config={"split": {"val_fraction": 0.1}}
    )
    [ranking] = toy.compared(tmp_path).rankings
    assert any(note.endswith("was trained on other clips: toy, but with more training clips") for note in ranking.notes)
