"""From a corpus to its usable clips: all that is bad is named in one report, all that is odd in the notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import soundfile

from ser_lightning.corpora.base import Defect, Scan, Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.data.clips import Clips, listed, load_clips, with_labels
from ser_lightning.emotions import label_set
from ser_lightning.errors import UserError

WriteNoise = Callable[..., npt.NDArray[np.int16]]


@dataclass(frozen=True)
class Given:
    """A corpus of what it is given."""

    found: Scan
    name: str = "given"

    def scan(self) -> Scan:
        return self.found


def rows(folder: Path, **emotions: str) -> pl.DataFrame:
    return columns(
        [
            Utterance(path=folder / f"{name}.wav", emotion=emotion, speaker="s", corpus="given")
            for name, emotion in emotions.items()
        ]
    )


def load(folder: Path, found: Scan, *, skip_bad: bool = False) -> Clips:
    return load_clips(Given(found), cache_dir=folder / "cache", rate=16000, skip_bad=skip_bad)


@pytest.fixture
def spoilt(tmp_path: Path, write_noise: WriteNoise) -> Scan:
    """Two good files, three bad ones, and one that its parser found to be bad."""
    write_noise(tmp_path / "a.wav", seed=1)
    write_noise(tmp_path / "e.wav", seed=2, seconds=0.05)
    (tmp_path / "b.wav").touch()
    (tmp_path / "c.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    soundfile.write(tmp_path / "d.wav", np.zeros(99), 16000)
    return Scan(
        clips=rows(tmp_path, a="sad", b="sad", c="sad", d="sad", e="happy"),
        notes=("seen by the parser",),
        bad=(("odd.wav", "lies in the wrong folder"),),
    )


def reasons(folder: Path) -> tuple[tuple[str, str], ...]:
    return (
        ("odd.wav", "lies in the wrong folder"),
        (f"{folder}/b.wav", "is empty (0 bytes)"),
        (f"{folder}/c.wav", "is a git-LFS pointer, not audio; fetch the real file with `git lfs pull`"),
        (f"{folder}/d.wav", "is silent throughout (every sample is zero)"),
    )


def test_every_bad_file_is_named_in_one_error(tmp_path: Path, spoilt: Scan):
    with pytest.raises(UserError) as caught:
        load(tmp_path, spoilt)
    first, *lines = str(caught.value).splitlines()
    assert first.startswith(
        "4 of 6 files cannot be used; mend or remove them, or leave them out with on_bad_audio=skip"
    )
    assert lines == [f"  {path}: {reason}" for path, reason in reasons(tmp_path)]


def test_skipping_goes_on_with_the_others_and_keeps_the_list(tmp_path: Path, spoilt: Scan):
    clips = load(tmp_path, spoilt, skip_bad=True)
    assert clips.left_out == reasons(tmp_path)
    assert clips.table.select("clip", "length", "seconds").rows() == [
        ("given/s/a", 3200, 0.2),
        ("given/s/e", 800, 0.05),
    ]
    assert clips.notes == ("seen by the parser", "given/s/e: lasts only 0.050 s; used as it is")
    assert "error" not in clips.table.columns


def test_rows_stay_beside_their_samples_when_others_are_left_out(tmp_path: Path, spoilt: Scan, write_noise: WriteNoise):
    clips = load(tmp_path, spoilt, skip_bad=True)
    for (offset, length), seed in zip(clips.table.select("offset", "length").iter_rows(), (1, 2), strict=True):
        expected = write_noise(tmp_path / "again.wav", seed=seed, seconds=length / 16000)
        np.testing.assert_array_equal(clips.store.samples.read(offset, length), expected)


def test_the_order_in_which_a_disk_lists_its_files_changes_nothing(tmp_path: Path, write_noise: WriteNoise):
    names = dict.fromkeys("dacb", "sad")
    for seed, name in enumerate(names):
        write_noise(tmp_path / f"{name}.wav", seed=seed)
    one = load(tmp_path, Scan(clips=rows(tmp_path, **names)))
    other = load(tmp_path, Scan(clips=rows(tmp_path, **names)[::-1]))
    assert one.table.equals(other.table)
    assert one.store.folder == other.store.folder


def test_several_channels_are_told_with_three_names(tmp_path: Path):
    for name in "abcd":
        soundfile.write(tmp_path / f"{name}.wav", np.full((2000, 2), 0.1) * (1 + "abcd".index(name)), 16000)
    clips = load(tmp_path, Scan(clips=rows(tmp_path, **dict.fromkeys("abcd", "sad"))))
    assert clips.notes == ("4 clips with several channels were downmixed to one: given/s/a, given/s/b, given/s/c, ...",)


def test_the_few_files_of_another_rate_are_named(tmp_path: Path, write_noise: WriteNoise):
    names = [f"c{number:02}" for number in range(40)]
    for seed, name in enumerate(names):
        write_noise(tmp_path / f"{name}.wav", seed=seed, seconds=0.2 + seed / 1000, rate=96000 if seed == 7 else 24414)
    clips = load(tmp_path, Scan(clips=rows(tmp_path, **dict.fromkeys(names, "sad"))))
    assert clips.notes == ("given: most files have 24414 Hz, but 1 has 96000 Hz: given/s/c07",)


def test_rates_that_are_all_common_are_no_oddity(tmp_path: Path, write_noise: WriteNoise):
    for seed, name in enumerate("abcd"):
        write_noise(tmp_path / f"{name}.wav", seed=seed, rate=22050 if seed == 1 else 16000)
    assert load(tmp_path, Scan(clips=rows(tmp_path, **dict.fromkeys("abcd", "sad")))).notes == ()


def test_clips_that_all_last_equally_long_are_told_to_be_cut(tmp_path: Path, write_noise: WriteNoise):
    names = [f"c{number:02}" for number in range(20)]
    for seed, name in enumerate(names):
        write_noise(tmp_path / f"{name}.wav", seed=seed)
    clips = load(tmp_path, Scan(clips=rows(tmp_path, **dict.fromkeys(names, "sad"))))
    said = "given: all 20 clips last 0.200 s: this is a cut or padded copy, not the recordings"
    assert clips.notes == (said,)


def test_a_defect_the_parser_foresaw_is_left_out_by_name_and_never_stops_a_run(tmp_path: Path, write_noise: WriteNoise):
    write_noise(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", np.zeros(2000), 16000)
    found = Scan(
        clips=rows(tmp_path, a="sad", b="sad"),
        defects=(Defect(path=str(tmp_path / "b.wav"), error="is silent throughout", note="b: silent as published"),),
    )
    clips = load(tmp_path, found)
    assert clips.table["clip"].to_list() == ["given/s/a"]
    assert clips.left_out == ((str(tmp_path / "b.wav"), "b: silent as published"),)
    assert clips.notes == ("known defect of the official release, left out: b: silent as published",)


def test_another_failure_of_a_file_with_a_known_defect_stops_a_run(tmp_path: Path, write_noise: WriteNoise):
    write_noise(tmp_path / "a.wav")
    (tmp_path / "b.wav").touch()
    defect = Defect(path=str(tmp_path / "b.wav"), error="is silent throughout", note="b: silent as published")
    with pytest.raises(UserError, match="1 of 2 files cannot be used"):
        load(tmp_path, Scan(clips=rows(tmp_path, a="sad", b="sad"), defects=(defect,)))


@pytest.mark.parametrize("skip_bad", [False, True])
def test_no_usable_file_is_an_error_either_way(tmp_path: Path, skip_bad: bool):
    (tmp_path / "a.wav").touch()
    with pytest.raises(UserError, match=r"a.wav: is empty \(0 bytes\)"):
        load(tmp_path, Scan(clips=rows(tmp_path, a="sad")), skip_bad=skip_bad)


def test_a_corpus_without_clips_is_an_error(tmp_path: Path):
    with pytest.raises(UserError, match="given: no clip"):
        load(tmp_path, Scan(clips=columns([])))
    with pytest.raises(UserError, match=re.escape("odd.wav: why")):
        load(tmp_path, Scan(clips=columns([]), bad=(("odd.wav", "why"),)), skip_bad=True)


def test_a_copy_that_differs_is_bad(tmp_path: Path, write_noise: WriteNoise):
    for name, seed in (("a", 1), ("again/a", 2), ("b", 3), ("again/b", 3)):
        write_noise(tmp_path / f"{name}.wav", seed=seed)
    pairs = tuple((tmp_path / f"{name}.wav", tmp_path / f"again/{name}.wav") for name in "ab")
    clips = load(tmp_path, Scan(clips=rows(tmp_path, a="sad", b="sad"), copies=pairs), skip_bad=True)
    assert clips.table["clip"].to_list() == ["given/s/b"]
    assert clips.left_out == (
        (
            f"{tmp_path}/a.wav",
            f"differs from the file of the same name at {tmp_path}/again/a.wav; keep the right one of them",
        ),
    )


@pytest.fixture
def twins(tmp_path: Path, write_noise: WriteNoise) -> Clips:
    """a and b are the same audio, as are c and d; e is like none."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 2), ("e", 3)):
        write_noise(tmp_path / f"{name}.wav", seed=seed)
    found = Scan(clips=rows(tmp_path, a="sad", b="sad", c="angry", d="happy", e="calm"), notes=("first",))
    return load(tmp_path, found)


def test_identical_audio_under_two_labels_is_left_out_and_under_one_kept(tmp_path: Path, twins: Clips):
    clips = with_labels(twins, label_set("native", ["sad", "angry", "happy", "calm"]))
    assert clips.table.select("clip", "label").rows() == [
        ("given/s/a", "sad"),
        ("given/s/b", "sad"),
        ("given/s/e", "calm"),
    ]
    reason = "identical audio bears two labels: given/s/c (angry), given/s/d (happy)"
    assert clips.left_out == ((f"{tmp_path}/c.wav", reason), (f"{tmp_path}/d.wav", reason))
    assert clips.notes == ("first", f"left out, as {reason}")
    assert clips.twins["clip"].to_list() == ["given/s/a", "given/s/b", "given/s/c", "given/s/d"]


def test_a_label_set_that_gives_both_one_class_keeps_both(twins: Clips):
    clips = with_labels(twins, label_set({"high": ["angry", "happy"], "low": ["sad", "calm"]}, ["sad", "angry"]))
    assert clips.table["label"].to_list() == ["low", "low", "high", "high", "low"]
    assert (clips.left_out, clips.notes) == ((), ("first",))


def test_audio_that_is_also_said_to_be_of_a_dropped_emotion_is_left_out(tmp_path: Path, twins: Clips):
    clips = with_labels(twins, label_set({"angry": "angry", "calm": "calm"}, ["angry", "calm"]))
    assert clips.table.select("clip", "label").rows() == [("given/s/e", "calm")]
    reason = "identical audio bears two labels: given/s/c (angry), given/s/d (happy)"
    assert clips.left_out == ((f"{tmp_path}/c.wav", reason), (f"{tmp_path}/d.wav", reason))
    assert clips.notes == ("first", f"left out, as {reason}")


def test_labels_leave_rows_where_they_are_and_emotions_as_they_were(twins: Clips):
    clips = with_labels(twins, label_set({"low": ["sad", "calm"]} | {"other": "fear"}, ["sad", "fear"]))
    expected = twins.table.filter(pl.col("emotion").is_in(["sad", "calm"]))
    assert clips.table.drop("label").equals(expected)


def test_of_many_copies_a_few_are_named(tmp_path: Path, write_noise: WriteNoise):
    names = {f"c{number}": "sad" if number else "calm" for number in range(9)}
    for name in names:
        write_noise(tmp_path / f"{name}.wav", seed=1)
    clips = load(tmp_path, Scan(clips=rows(tmp_path, **names)))
    labelled = with_labels(clips, label_set("native", ["sad", "calm"]))
    said = ", ".join(["given/s/c0 (calm)", *(f"given/s/c{number} (sad)" for number in range(1, 5)), "..."])
    assert labelled.notes == (f"left out, as identical audio bears two labels: {said}",)
    assert len(labelled.left_out) == 9


def test_a_long_list_is_cut_and_counted():
    lines = listed([(f"{number}.wav", "why") for number in range(103)]).splitlines()
    assert (len(lines), lines[0], lines[99], lines[100]) == (101, "  0.wav: why", "  99.wav: why", "  and 3 more")
    assert listed([("a", "b")]) == "  a: b"
