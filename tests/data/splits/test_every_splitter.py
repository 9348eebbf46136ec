"""Every splitter, on random tables: a partition that keeps its promise, whatever the rows' order, or one refusal."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ser_lightning.data.parts import PARTS
from ser_lightning.data.speakers import speaker_units, voices
from ser_lightning.data.splits.base import Splitter
from ser_lightning.data.splits.emobox import EmoBox
from ser_lightning.data.splits.fixed import Fixed
from ser_lightning.data.splits.kfold import KFold
from ser_lightning.data.splits.one_corpus_out import OneCorpusOut
from ser_lightning.data.splits.one_speaker_out import OneSpeakerOut
from ser_lightning.data.splits.random import Random
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.data.splits.text import Text
from ser_lightning.data.splits.texts import text_units
from ser_lightning.errors import UserError

SPEAKERS, TEXTS, LABELS = 4, 7, ("angry", "happy", "sad")


def list_parts(clips: pl.DataFrame, *, val: bool) -> pl.DataFrame:
    """A list that tests every fourth clip, whoever says it, and leaves out every eleventh."""
    number = pl.col("name").cast(pl.Int64)
    part = pl.when(number % 11 == 3).then(None).when(number % 4 == 1).then(pl.lit("test"))
    part = part.when((number % 4 == 2) & val).then(pl.lit("val")).otherwise(pl.lit("train"))
    return clips.select("clip", "name", "corpus", part=part)


def fixed(clips: pl.DataFrame, seed: int, folder: Path, *, val: bool) -> Splitter:
    list_parts(clips, val=val).drop_nulls("part").write_csv(folder / "split.csv")
    return Fixed(file=str(folder / "split.csv"), seed=seed)


def emobox(clips: pl.DataFrame, seed: int, folder: Path) -> Splitter:
    for (corpus, part), rows in list_parts(clips, val=False).drop_nulls("part").group_by("corpus", "part"):
        file = folder / str(corpus) / "fold_1" / f"{corpus}_{part}_fold_1.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: {"wav": f"somewhere/{name}.wav"} for name in rows["name"]}))
    return EmoBox(root=str(folder), seed=seed)


Build = Callable[[pl.DataFrame, int, Path], Splitter]
BUILD: dict[str, Build] = {
    "random": lambda clips, seed, folder: Random(seed=seed),
    "not stratified": lambda clips, seed, folder: Random(seed=seed, stratify=False),
    "speaker": lambda clips, seed, folder: Speaker(seed=seed),
    "kfold": lambda clips, seed, folder: KFold(seed=seed, folds=3, fold=2),
    "two folds": lambda clips, seed, folder: KFold(seed=seed, folds=2, fold=1),
    "one speaker out": lambda clips, seed, folder: OneSpeakerOut(seed=seed, fold=2),
    "one corpus out": lambda clips, seed, folder: OneCorpusOut(seed=seed),
    "text": lambda clips, seed, folder: Text(seed=seed),
    "fixed": lambda clips, seed, folder: fixed(clips, seed, folder, val=True),
    "fixed without val": lambda clips, seed, folder: fixed(clips, seed, folder, val=False),
    "emobox": emobox,
}
LISTS = ("fixed", "fixed without val", "emobox")
SEEDED = [kind for kind in BUILD if kind not in ("one speaker out", "fixed")]


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """One to three corpora, uneven speakers, texts and labels; some clips are the same audio, of one label."""
    num_corpora, size = draw(st.integers(1, 3)), draw(st.integers(6, 70))
    cell = st.tuples(
        st.integers(0, num_corpora - 1), st.integers(0, SPEAKERS - 1), st.integers(0, TEXTS - 1), st.integers(0, 2)
    )
    rows = [
        {
            "clip": f"c{c}/s{s}/{number}",
            "name": str(number),
            "corpus": f"c{c}",
            "speaker": f"s{s}",
            "sex": "mf"[s % 2],
            "text": f"{'T' if number % 2 else 't'}{t}",
            "label": LABELS[label],
            "recording": f"r{number}",
        }
        for number, (c, s, t, label) in enumerate(draw(st.lists(cell, min_size=size, max_size=size)))
    ]
    place = st.integers(0, size - 1)
    for one, other in draw(st.lists(st.tuples(place, place), max_size=3)):
        rows[one] |= {key: rows[other][key] for key in ("recording", "label")}
    for nameless in draw(st.lists(place, max_size=1)) if draw(st.integers(0, 4)) == 0 else []:
        rows[nameless] |= {"speaker": "", "text": ""}
    made = pl.DataFrame(rows)
    assume(made.group_by("recording").agg(pl.col("label").n_unique())["label"].max() == 1)
    return made


def possible(kind: str, clips: pl.DataFrame) -> bool | None:
    """Whether a table has what the splitter asks for; None where that takes more than counting."""
    whole = not (clips["speaker"] == "").any()
    num_units = speaker_units(clips).n_unique() if whole else 0
    if kind in ("speaker", "kfold", "one speaker out"):
        return num_units >= 3 or (None if num_units == 2 and kind != "kfold" else False)
    if kind == "two folds":
        return num_units > 3 or (None if num_units == 2 else False)
    if kind == "one corpus out":
        return None if clips["corpus"].n_unique() > 1 else False
    if kind == "text":
        return not (clips["text"] == "").any() and text_units(clips).n_unique() >= 3
    return None


@dataclass(frozen=True)
class Parts:
    """What a splitter made, or that it refused."""

    table: pl.DataFrame
    refused: bool = False

    def torn(self, value: pl.Series) -> set[str]:
        """The values that lie in two parts."""
        held = self.table.with_columns(value=value).filter(pl.col("part").is_not_null())
        parts = held.group_by("value").agg(pl.col("part").n_unique())
        return set(parts.filter(pl.col("part") > 1)["value"])

    def by_clip(self) -> dict[str, str | None]:
        return dict(self.table.select("clip", "part").iter_rows())


def cut(kind: str, clips: pl.DataFrame, seed: int) -> Parts:
    with tempfile.TemporaryDirectory() as folder:
        try:
            parts = BUILD[kind](clips, seed, Path(folder)).split(clips).parts
        except UserError:
            return Parts(clips.with_columns(part=pl.lit(None, pl.String)), refused=True)
    return Parts(clips.with_columns(part=parts))


@pytest.mark.parametrize("kind", BUILD)
class TestEverySplitter:
    @given(clips=tables(), seed=st.integers(0, 5))
    def test_each_part_has_clips_and_recordings_are_whole_but_where_a_list_tears_them(
        self, kind: str, clips: pl.DataFrame, seed: int
    ):
        made = cut(kind, clips, seed)
        expected = possible(kind, clips)
        assert expected is None or expected is not made.refused
        if not made.refused:
            assert set(made.table["part"]) - {None} == set(PARTS)
            assert made.table["part"].null_count() == 0 or kind in (*LISTS, "one corpus out")
        torn = Parts(clips.with_columns(list_parts(clips, val=kind == "fixed")["part"])).torn(clips["recording"])
        assert made.torn(clips["recording"]) <= (torn if kind in LISTS else set())

    @given(clips=tables(), seed=st.integers(0, 5), order=st.integers(0, 99))
    def test_the_same_seed_gives_the_same_parts_in_any_order_of_rows(
        self, kind: str, clips: pl.DataFrame, seed: int, order: int
    ):
        mixed = clips.sample(fraction=1, shuffle=True, seed=order)
        assert cut(kind, mixed, seed).by_clip() == cut(kind, clips, seed).by_clip()


@pytest.mark.parametrize("kind", SEEDED)
def test_another_seed_is_another_split(kind: str, shaped):
    clips = pl.concat([shaped["savee"], shaped["tess"]]).with_columns(name=pl.int_range(3280).cast(pl.String))
    made = [cut(kind, clips, seed).by_clip() for seed in range(4)]
    assert not any(None in one.values() for one in made) or kind in LISTS
    assert any(one != other for one, other in combinations(made, 2))


@pytest.mark.parametrize("kind", ["speaker", "kfold", "two folds", "one speaker out"])
@given(clips=tables(), seed=st.integers(0, 5))
def test_no_tested_speaker_is_heard_before_and_of_three_none_is_in_two_parts(kind, clips, seed):
    made = cut(kind, clips, seed)
    assume(not made.refused)
    tested = set(made.table.filter(part="test")["corpus"] + made.table.filter(part="test")["speaker"])
    others = made.table.filter(pl.col("part") != "test")
    assert not tested & set(others["corpus"] + others["speaker"])
    if speaker_units(clips).n_unique() > 2:
        assert made.torn(voices(clips)) == set()
    else:
        assert made.torn(text_units(clips)) <= set(text_units(clips).filter(made.table["part"] == "test")) or (
            text_units(others).n_unique() == 1 or others["text"].str.to_lowercase().n_unique() < 2
        )


@given(clips=tables(), seed=st.integers(0, 5))
def test_text_keeps_texts_apart(clips, seed):
    made = cut("text", clips, seed)
    assume(not made.refused)
    assert made.torn(clips["text"].str.to_lowercase()) == set()


@given(clips=tables(), seed=st.integers(0, 5))
def test_one_corpus_out_leaves_out_the_tested_recordings_and_keeps_three_speakers_apart(clips, seed):
    made = cut("one corpus out", clips, seed)
    assume(not made.refused)
    tested = clips.filter(made.table["part"] == "test")
    assert tested.equals(clips.filter(corpus=clips["corpus"].min()))
    copies = (clips["corpus"] != clips["corpus"].min()) & clips["recording"].is_in(tested["recording"].to_list())
    assert made.table["part"].is_null().equals(copies, check_names=False)
    for _, rows in made.table.filter(pl.col("part") != "test").group_by("corpus"):
        if (
            rows["speaker"].n_unique() >= 3
            and clips["recording"].is_unique().all()
            and not (rows["speaker"] == "").any()
        ):
            assert not set(rows.filter(part="val")["speaker"]) & set(rows.filter(part="train")["speaker"])
            assert set(rows["part"]) == {"train", "val"}


@pytest.mark.parametrize("kind", LISTS)
@given(clips=tables(), seed=st.integers(0, 5))
def test_lists_are_followed(kind, clips, seed):
    made = cut(kind, clips, seed)
    assume(not made.refused)
    listed = list_parts(clips, val=kind == "fixed")["part"]
    followed = made.table["part"].replace({} if kind == "fixed" else {"val": "train"})
    assert followed.equals(listed, check_names=False)


@given(clips=tables(), seed=st.integers(0, 5), folds=st.integers(2, 5))
def test_over_all_folds_every_clip_is_tested_once(clips, seed, folds):
    assume(not (clips["speaker"] == "").any())
    assume(speaker_units(clips).n_unique() >= max(3, folds) if folds > 2 else speaker_units(clips).n_unique() > 3)
    made = [KFold(seed=seed, folds=folds, fold=fold).split(clips).parts for fold in range(1, folds + 1)]
    assert sum((parts == "test").cast(pl.Int64) for parts in made).to_list() == [1] * len(clips)
