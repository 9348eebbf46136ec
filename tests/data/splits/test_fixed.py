"""Parts from a list: by id or by name, and everything that can be wrong with a list."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ser_lightning.data.splits.fixed import Fixed
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.errors import UserError


@pytest.fixture
def write(tmp_path: Path):
    """Write a list, as clip and part, and give its path."""

    def save(rows: dict[str, str], head: str = "clip,part") -> str:
        file = tmp_path / "split.csv"
        file.write_text("\n".join([head, *(f"{clip},{part}" for clip, part in rows.items())]) + "\n")
        return str(file)

    return save


def four(table) -> pl.DataFrame:
    return table([(name, "", "", "sad", "", f"n{name}") for name in "abcd"])


def test_the_split_of_a_run_is_made_again(shaped, cut, tmp_path):
    first = cut(Speaker(seed=3), shaped["emodb"])
    columns = first.table.with_columns(emotion="label").select("clip", "part", "corpus", "speaker", "emotion")
    columns.sample(fraction=1, shuffle=True, seed=0).write_csv(tmp_path / "split.csv")
    again = cut(Fixed(file=str(tmp_path / "split.csv")), shaped["emodb"])
    assert again.table.equals(first.table)
    assert again.split.notes == ()
    assert (again.split.fold, again.split.num_folds) == (None, None)


@pytest.mark.parametrize("val", ["val", "valid", "validation", "dev", " Dev "])
def test_clips_are_known_by_name_too_and_val_has_several(table, cut, write, val):
    file = write({"na": "train", "nb": val, "nc": "test", "nd": "TRAIN"}, head="part-of,CLIP,Part".partition(",")[2])
    assert cut(Fixed(file=file), four(table)).table["part"].to_list() == ["train", "val", "test", "train"]


def test_a_name_that_several_clips_bear_is_refused(table, write):
    clips = table([(speaker, "", "", "sad", "", name) for speaker in "xy" for name in ("a01", "a02", "a03")])
    with pytest.raises(UserError, match=r"split.csv lists names that several clips bear: a01, a02.*such as c/x/a01"):
        Fixed(file=write({"a01": "train", "a02": "test"})).split(clips)


def test_a_list_with_semicolons_is_told_so(write):
    with pytest.raises(UserError, match=r"needs the columns clip and part; .*separate the columns by commas"):
        Fixed(file=write({}, head="clip;part"))


def test_what_list_and_data_do_not_share_is_noted(table, cut, write):
    rows = {"c/a/na": "train", "c/b/nb": "val", "c/c/nc": "test", "c/x/nx": "test", "c/y/ny": "train"}
    made = cut(Fixed(file=write(rows)), four(table))
    assert made.table["part"].to_list() == ["train", "val", "test", None]
    assert made.split.notes == (
        "split.csv: 1 clips are not listed, so they are in no part: c/d/nd",
        "split.csv: 2 clips are listed, but not in the data: c/x/nx, c/y/ny",
    )


def test_an_empty_part_is_none(table, cut, write):
    made = cut(Fixed(file=write({"na": "train", "nb": "val", "nc": "test", "nd": ""})), four(table))
    assert made.table["part"].to_list() == ["train", "val", "test", None]
    assert made.split.notes == ("split.csv: 1 clips are listed without a part: nd",)


def test_without_val_a_part_of_train_becomes_val(shaped, cut, write):
    """SAVEE's speakers are kept apart by the list, RAVDESS's are not."""
    clips = pl.concat([shaped["savee"], shaped["ravdess"]])
    last = {name: "test" if name.startswith("KL") or name[12:14] == "02" else "train" for name in clips["name"]}
    made = cut(Fixed(file=write(last)), clips)
    savee, ravdess = made.table.filter(corpus="savee"), made.table.filter(corpus="ravdess")
    assert savee["part"].value_counts().sort("part").rows() == [("test", 120), ("train", 240), ("val", 120)]
    assert ravdess["part"].value_counts().sort("part").rows()[0] == ("test", ravdess.filter(part="test").height)
    assert ravdess.filter(part="val")["speaker"].n_unique() > 12
    assert made.split.notes[0] == (
        "split.csv has no val part: that of ravdess is cut from train at random, stratified by label, "
        "as test speakers are in training too"
    )
    assert made.split.notes[1].startswith("split.csv has no val part: that of savee is cut from train by speaker (sav")


def test_without_val_and_speakers_it_is_cut_at_random(table, cut, write):
    clips = table([("", "", "", "sad", "", f"n{n}") for n in range(40)])
    made = cut(Fixed(file=write({f"n{n}": "test" if n < 10 else "train" for n in range(40)})), clips)
    assert made.sizes() == (25, 5, 10)
    assert made.split.notes[0].endswith("at random, stratified by label, as not every speaker is known")


def test_all_that_is_wrong_with_a_list_is_told_at_once(tmp_path):
    file = tmp_path / "split.csv"
    file.write_text("clip,part\na,train\na,test\nb,eval\nc,held out\n")
    with pytest.raises(UserError) as refused:
        Fixed(file=str(file))
    assert refused.value.problems == [
        "split.csv: a part is train, val or test, not eval, held out",
        "split.csv: a clip may be in one part, 1 are listed with several: a; keep one row each",
    ]


def test_a_clip_may_be_listed_twice_with_one_part(table, cut, tmp_path):
    file = tmp_path / "split.csv"
    file.write_text("clip,part\nna,train\nna,train\nnb,val\nnb,dev\nnc,test\nnd,train\n")
    assert cut(Fixed(file=str(file)), four(table)).table["part"].to_list() == ["train", "val", "test", "train"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "clip,parts\na,train\n",
            "split.csv needs the columns clip and part; it has clip, parts; did you mean 'parts'?",
        ),
        ("", "is no readable CSV"),
        ("clip,part,Clip\na,train,a\n", "is no readable CSV"),
        ('clip,part\n"a,train\nb', "is no readable CSV"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, text, told):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError) as refused:
        Fixed(file=str(tmp_path / "split.csv"))
    assert told in str(refused.value)


def test_a_list_is_needed_and_must_be_there():
    with pytest.raises(UserError, match=r"split=fixed needs your list, .*: split.file=FILE.csv"):
        Fixed()
    with pytest.raises(UserError, match=r"split.file=/nowhere/a.csv is no readable CSV: No such file"):
        Fixed(file="/nowhere/a.csv")


def test_home_may_be_a_tilde(write, monkeypatch):
    file = Path(write({"a": "train"}))
    monkeypatch.setenv("HOME", str(file.parent))
    assert Fixed(file="~/split.csv").file == "~/split.csv"


def test_an_empty_list_is_refused(table, write):
    with pytest.raises(UserError, match=r"split.csv knows none of the 4 clips: it lists none, the data have c/a/na"):
        Fixed(file=write({})).split(four(table))


def test_a_list_of_another_corpus_is_refused(table, write):
    with pytest.raises(UserError) as refused:
        Fixed(file=write({"x": "train", "y": "test"})).split(four(table))
    assert refused.value.problems == [
        "split.csv knows none of the 4 clips: it lists x, y, the data have c/a/na, c/b/nb, c/c/nc and 1 more; "
        "is it the list of another corpus?"
    ]


@pytest.mark.parametrize(
    ("parts", "missing"), [(("train", "val"), "test"), (("test", "val"), "train"), (("test", ""), "train and val")]
)
def test_a_list_without_a_part_is_refused(table, write, parts, missing):
    with pytest.raises(UserError, match=f"leaves no clip for {missing} .4 in all.; list clips of it in split.csv"):
        Fixed(file=write(dict(zip(("na", "nb"), parts, strict=True)))).split(four(table))
