"""EmoBox's partitions: folds, speakers and sizes as published, from files made here in its schema."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ser_lightning.data.splits.emobox import EmoBox
from ser_lightning.errors import UserError

ACTORS = {  # of RAVDESS's test parts, from the fact sheet
    1: ("01", "11", "20", "21"),
    2: ("04", "10", "12", "14"),
    3: ("08", "09", "19", "23"),
    4: ("03", "05", "07", "24"),
    5: ("02", "15", "16", "18"),
    6: ("06", "13", "17", "22"),
}
FOLDS = {"ravdess": 6, "savee": 4, "cremad": 1, "tess": 1, "emodb": 5}
PUBLISHED = [
    *[("ravdess", fold, 1200, 240, 0) for fold in ACTORS],
    *[("savee", fold, 360, 120, 0) for fold in range(1, 5)],
    ("cremad", 1, 5586, 1856, 91),
    ("tess", 1, 2100, 700, 2),
    *[("emodb", fold, 428, 107, 10) for fold in range(1, 6)],
]
"""Corpus, fold, clips of train with val, clips of test, speakers on both sides."""


def write_part(corpus: Path, fold: int, part: str, names: Iterable[str], joined: str = "fold_") -> Path:
    """A fold's file in EmoBox's schema."""
    entries = {
        f"{corpus.name}-{name}": {
            "wav": f"downloads/{corpus.name}/wav/{name}.wav",
            "length": 1.5,
            "emo": "boredem",
            "dataset": corpus.name,
            "channel": 1,
        }
        for name in names
    }
    file = corpus / f"fold_{fold}" / f"{corpus.name}_{part}_{joined}{fold}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(entries))
    return file


def names_of_test(corpus: str, fold: int, clips: pl.DataFrame) -> set[str]:
    names = clips["name"].sort().to_list()
    if corpus == "ravdess":
        return {name for name in names if name[-2:] in ACTORS[fold]}
    if corpus == "savee":
        return {name for name in names if name.startswith(("JE", "DC", "JK", "KL")[fold - 1])}
    if corpus == "emodb":
        return set(np.random.default_rng(0).permutation(names)[fold - 1 :: 5].tolist())
    return set(names[::4][:1856])


@pytest.fixture(scope="session")
def checkout(shaped, tmp_path_factory) -> Path:
    """Five corpora as in EmoBox's folder data; each file of EmoDB is there twice."""
    root = tmp_path_factory.mktemp("EmoBox")
    for corpus, number in FOLDS.items():
        clips = shaped[corpus]
        for fold in range(1, number + 1):
            tested = names_of_test(corpus, fold, clips)
            for part, names in (("test", tested), ("train", set(clips["name"]) - tested)):
                for joined in ("fold_", "fold")[: 2 if corpus == "emodb" else 1]:
                    write_part(root / "data" / corpus, fold, part, sorted(names), joined)
    return root


@pytest.mark.parametrize(("corpus", "fold", "trained", "tested", "shared"), PUBLISHED)
def test_folds_are_of_the_published_size_and_speakers(checkout, shaped, cut, corpus, fold, trained, tested, shared):
    made = cut(EmoBox(root=str(checkout), fold=fold), shaped[corpus])
    train, val, test = made.sizes()
    assert (train + val, test) == (trained, tested)
    assert len((made.of("speaker", "train") | made.of("speaker", "val")) & made.of("speaker", "test")) == shared
    assert (made.split.fold, made.split.num_folds) == (fold, FOLDS[corpus])
    if corpus == "ravdess":
        assert made.of("speaker", "test") == {f"actor{actor}" for actor in ACTORS[fold]}


@pytest.mark.parametrize(("corpus", "speakers", "clips"), [("ravdess", 3, 180), ("savee", 1, 120)])
def test_val_keeps_speakers_apart_where_the_fold_does(checkout, shaped, cut, corpus, speakers, clips):
    for seed in range(3):
        made = cut(EmoBox(root=str(checkout), seed=seed), shaped[corpus])
        assert not made.of("speaker", "val") & made.of("speaker", "train")
        assert (len(made.of("speaker", "val")), made.sizes()[1]) == (speakers, clips)
        [note] = made.split.notes
        assert note.startswith(f"EmoBox has no val part: that of {corpus} is cut from train by speaker ({corpus}/")


@pytest.mark.parametrize(("corpus", "clips"), [("tess", 315), ("emodb", 65), ("cremad", 838)])
def test_val_is_random_where_the_fold_mixes_speakers(checkout, shaped, cut, corpus, clips):
    made = cut(EmoBox(root=str(checkout)), shaped[corpus])
    assert made.sizes()[1] == clips
    assert made.split.notes == (
        f"EmoBox has no val part: that of {corpus} is cut from train at random, stratified by label, "
        "as test speakers are in training too",
    )
    share = made.sizes()[1] / (made.sizes()[0] + made.sizes()[1])
    for label, count in made.count("label", part="val").items():
        assert abs(count - share * (count + made.count("label", part="train")[label])) <= 1


def test_val_is_that_of_the_seed(checkout, shaped):
    made = [EmoBox(root=str(checkout), seed=seed).split(shaped["tess"]).parts.to_list() for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]


def test_several_corpora_are_each_in_their_own_fold(checkout, shaped, cut):
    clips = pl.concat([shaped["savee"], shaped["emodb"]])
    made = cut(EmoBox(root=str(checkout / "data"), fold=4), clips)
    assert made.of("corpus", "test") == {"savee", "emodb"}
    assert made.sizes()[2] == 120 + 107
    assert (made.split.fold, made.split.num_folds) == (4, None)  # 4 of SAVEE, 5 of EmoDB
    assert [note.partition(": ")[2][:9] for note in made.split.notes] == ["that of e", "that of s"]


def test_what_list_and_data_do_not_share_is_noted(checkout, shaped, cut, table):
    other = table([("DC", "male", "", "sad", "", "DC_x99")], "savee")
    made = cut(EmoBox(root=str(checkout)), pl.concat([shaped["savee"][1:], other]))
    assert made.table.filter(pl.col("part").is_null())["name"].to_list() == ["DC_x99"]
    assert made.split.notes[:2] == (
        "fold 1 of EmoBox's savee: 1 clips are not listed, so they are in no part: DC_x99",
        "fold 1 of EmoBox's savee: 1 clips are listed, but not in the data: DC_a01",
    )


def test_audio_on_both_sides_stays_as_published_and_val_takes_none_apart(checkout, shaped, cut):
    """The leak check is to report it."""
    clips = shaped["tess"].with_columns(recording=pl.concat_str(pl.lit("r"), pl.int_range(pl.len()) // 7))
    made = cut(EmoBox(root=str(checkout)), clips).table
    parts = made.group_by("recording").agg("part")["part"].to_list()
    assert any({"train", "test"} <= set(one) for one in parts)
    assert not any({"train", "val"} <= set(one) for one in parts)


@pytest.mark.parametrize(
    ("corpus", "fold", "told"),
    [
        ("savee", 5, ["split.fold=5: EmoBox has of savee the folds 1, 2, 3, 4; choose one of them"]),
        ("tess", 2, ["split.fold=2: EmoBox has of tess the fold 1; choose one of them"]),
    ],
)
def test_a_fold_that_a_corpus_lacks_is_refused(checkout, shaped, corpus, fold, told):
    with pytest.raises(UserError) as refused:
        EmoBox(root=str(checkout), fold=fold).split(shaped[corpus])
    assert refused.value.problems == told


def test_a_corpus_that_is_not_in_it_is_refused_beside_a_fold_that_is_not(checkout, shaped, table):
    clips = pl.concat([shaped["tess"], table([("s", "", "", "sad")], "iemocap")])
    with pytest.raises(UserError) as refused:
        EmoBox(root=str(checkout), fold=2).split(clips)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["split=emobox", "split.fold=2"]
    assert "EmoBox has no folds of iemocap in" in refused.value.problems[0]
    assert refused.value.problems[0].endswith("only of cremad, emodb, ravdess, savee, tess")


def test_a_corpus_of_other_names_is_refused(checkout, table):
    with pytest.raises(UserError, match="fold 1 of EmoBox's tess knows none of the 1 clips"):
        EmoBox(root=str(checkout)).split(table([("OAF", "", "", "sad")], "tess"))


def test_a_checkout_is_needed_before_data_are_read(tmp_path):
    for root, told in (
        (None, "split.root=DIR"),
        (str(tmp_path), "holds no data/<corpus>/fold_1"),
        (str(tmp_path / "x"), "is no folder"),
    ):
        with pytest.raises(UserError, match="split=emobox needs a checkout of https") as no:
            EmoBox(root=root)
        assert no.value.problems[0].endswith(told)


class TestFiles:
    """What can be wrong with them; two speakers `s` and `t`, tested is t."""

    @pytest.fixture
    def corpus(self, tmp_path) -> Path:
        write_part(tmp_path / "c", 1, "train", ["s0", "s1", "s2"])
        write_part(tmp_path / "c", 1, "test", ["t0"])
        return tmp_path / "c"

    @pytest.fixture
    def clips(self, table) -> pl.DataFrame:
        return table([(name[0], "", name, "sad", "", name) for name in ("s0", "s1", "s2", "t0")])

    def made(self, corpus: Path, clips: pl.DataFrame) -> list[str | None]:
        return EmoBox(root=str(corpus.parent)).split(clips).parts.to_list()

    def test_one_training_speaker_gives_val_by_text(self, corpus, clips):
        assert sorted(self.made(corpus, clips)[:3]) == ["train", "train", "val"]
        assert EmoBox(root=str(corpus.parent)).split(clips).notes[0].endswith("is cut from train by text")

    def test_two_spellings_that_agree_are_one(self, corpus, clips):
        before = self.made(corpus, clips)
        write_part(corpus, 1, "test", ["t0"], "fold")
        assert self.made(corpus, clips) == before

    def test_two_spellings_that_differ_are_refused(self, corpus, clips):
        write_part(corpus, 1, "test", ["s0"], "fold")
        with pytest.raises(UserError, match=r"c_test_fold1.json and c_test_fold_1.json differ; keep the one"):
            self.made(corpus, clips)

    @pytest.mark.parametrize("key", ["wav", "audio"])
    def test_lines_do_where_there_is_no_json(self, corpus, clips, key):
        before = self.made(corpus, clips)
        for file in list((corpus / "fold_1").iterdir()):
            entries = [{"key": name, key: entry["wav"]} for name, entry in json.loads(file.read_text()).items()]
            file.with_suffix(".jsonl").write_text("\n".join(map(json.dumps, entries)) + "\n\n")
            file.unlink()
        assert self.made(corpus, clips) == before

    def test_a_clip_of_both_parts_is_refused(self, corpus, clips):
        write_part(corpus, 1, "test", ["t0", "s0"])
        with pytest.raises(UserError, match=r"EmoBox's c: a clip may be in one part, 1 are listed with several: s0"):
            self.made(corpus, clips)

    @pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": {"length": 1}}', '{"a": 1}', '{"a": {"wav": 1}}', "3"])
    def test_what_is_no_list_is_refused_by_name(self, corpus, clips, text):
        (corpus / "fold_1" / "c_test_fold_1.json").write_text(text)
        with pytest.raises(UserError, match=r"c_test_fold_1.json is no list of EmoBox, each entry with wav: \S"):
            self.made(corpus, clips)

    def test_missing_files_are_told_together(self, corpus, clips):
        for file in list((corpus / "fold_1").iterdir()):
            file.unlink()
        with pytest.raises(UserError) as refused:
            self.made(corpus, clips)
        told = [problem.partition("there is no ")[2].split()[0] for problem in refused.value.problems]
        assert told == ["c_train_fold_*.json", "c_test_fold_*.json"]


SPEAKERS = {
    "ravdess": lambda name: f"actor{name[-2:]}",
    "savee": lambda name: name[:2],
    "cremad": lambda name: name[:4],
    "tess": lambda name: name[:3],
    "emodb": lambda name: name[:2],
}


@pytest.mark.parametrize(("corpus", "fold", "trained", "tested", "shared"), PUBLISHED)
def test_a_real_checkout_is_as_published(table, cut, corpus, fold, trained, tested, shared):
    """Names and labels are read from the checkout itself: EMOBOX_DIR=DIR pytest tests/data/splits/test_emobox.py."""
    root = os.environ.get("EMOBOX_DIR")
    if not root:
        pytest.skip("EMOBOX_DIR names no checkout of EmoBox")
    data = Path(root) / "data" if (Path(root) / "data").is_dir() else Path(root)
    files = [data / corpus / "fold_1" / f"{corpus}_{part}_fold_1.json" for part in ("train", "test")]
    entries = [entry for file in files for entry in json.loads(file.read_text()).values()]
    names = [(Path(entry["wav"]).stem, entry["emo"]) for entry in entries]
    clips = table([(SPEAKERS[corpus](name), "", "", label, "", name) for name, label in names], corpus)
    made = cut(EmoBox(root=root, fold=fold), clips)
    assert (made.sizes()[0] + made.sizes()[1], made.sizes()[2]) == (trained, tested)
    heard = made.of("speaker", "train") | made.of("speaker", "val")
    assert len(heard & made.of("speaker", "test")) == shared
    if corpus == "ravdess":
        assert made.of("speaker", "test") == {f"actor{actor}" for actor in ACTORS[fold]}
