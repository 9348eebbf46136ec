"""What parts share, planted and counted by hand; audio in two parts stops a run unless that is allowed."""

from __future__ import annotations

import json

import polars as pl
import pytest

from ser_lightning.data.leaks import find_leaks, leak_notes, leaks_file, shared
from ser_lightning.errors import UserError

NOTHING = {"train_val": 0, "train_test": 0, "val_test": 0}
KINDS = ("speakers", "identical_audio", "near_identical_audio", "texts", "takes")


def table(*rows: tuple[str, dict[str, str]]) -> pl.DataFrame:
    """A row a clip from its part and what is not as usual: each clip of its own in everything."""
    made = []
    for number, (part, odd) in enumerate(rows):
        plain = {
            "clip": f"c/s{number}/{number}",
            "corpus": "c",
            "speaker": f"s{number}",
            "text": f"text {number}",
            "emotion": "sad",
            "label": "sad",
            "intensity": "",
            "hash": f"h{number}",
            "recording": f"r{number}",
        }
        made.append(plain | {"part": part} | odd)
    return pl.DataFrame(made)


def found(*rows: tuple[str, dict[str, str]], policy: str = "warn"):
    clips = table(*rows)
    return find_leaks(clips, clips.filter(pl.col("recording").is_duplicated()).drop("part"), policy=policy)


def test_parts_that_share_nothing():
    clips = table(("train", {}), ("val", {}), ("test", {}), ("train", {}))
    assert shared(clips) == dict.fromkeys(KINDS, NOTHING)


@pytest.mark.parametrize(
    ("parts", "pair"),
    [(("train", "val"), "train_val"), (("test", "train"), "train_test"), (("val", "test"), "val_test")],
)
@pytest.mark.parametrize(
    ("same", "counted"),
    [
        ({"speaker": "one"}, {"speakers"}),
        ({"hash": "one", "recording": "one"}, {"identical_audio"}),
        ({"recording": "one"}, {"near_identical_audio"}),
        ({"text": "one"}, {"texts"}),
        ({"text": "one", "speaker": "one"}, {"speakers", "texts", "takes"}),
    ],
    ids=["speaker", "identical", "near-identical", "text", "take"],
)
def test_what_two_clips_share_is_counted_between_their_parts(parts, pair, same, counted):
    clips = table((parts[0], same), (parts[1], same), ("train", {}))
    expected = {kind: NOTHING | ({pair: 1} if kind in counted else {}) for kind in KINDS}
    assert shared(clips) == expected


def test_near_identical_recordings_are_counted_beside_identical_ones():
    """One recording with two files, each in both parts; and one whose files differ."""
    files = [(part, {"recording": "one", "hash": name}) for name in "xy" for part in ("train", "test")]
    near = [(part, {"recording": "two"}) for part in ("train", "test", "test")]
    counts = shared(table(*files, *near))
    assert counts["identical_audio"] == NOTHING | {"train_test": 2}
    assert counts["near_identical_audio"] == NOTHING | {"train_test": 1}


@pytest.mark.parametrize("differs", ["emotion", "intensity", "corpus"])
def test_a_take_is_of_one_line_said_alike(differs: str):
    line = {"speaker": "one", "text": "one"}
    clips = table(("train", line), ("test", line | {differs: "other"}))
    assert shared(clips)["takes"] == NOTHING


def test_a_text_is_the_same_in_any_spelling_and_unknown_fields_are_no_match():
    assert shared(table(("train", {"text": "Hello "}), ("test", {"text": "hello"})))["texts"]["train_test"] == 1
    unknown = {"speaker": "", "text": ""}
    assert shared(table(("train", unknown), ("test", unknown))) == dict.fromkeys(KINDS, NOTHING)


def test_speakers_of_one_name_in_two_corpora_are_two():
    clips = table(("train", {"speaker": "01"}), ("test", {"speaker": "01", "corpus": "d"}))
    assert shared(clips)["speakers"] == NOTHING


def test_a_value_in_three_parts_is_shared_by_all_pairs():
    clips = table(*((part, {"speaker": "one"}) for part in ("train", "val", "test", "test")))
    assert shared(clips)["speakers"] == {"train_val": 1, "train_test": 1, "val_test": 1}


@pytest.mark.parametrize(
    "same", [{"hash": "one", "recording": "one"}, {"recording": "one"}], ids=["identical", "near-identical"]
)
def test_audio_in_two_parts_stops_a_run_and_is_named(same: dict[str, str]):
    rows = (("train", same), ("test", same), ("val", {}))
    with pytest.raises(UserError) as caught:
        found(*rows, policy="error")
    (message,) = caught.value.problems
    assert "c/s0/0 (train) = c/s1/1 (test)" in message
    assert message.startswith("1 recordings lie in several parts")
    assert "leaks=warn" in message
    for policy in ("warn", "allow"):
        leaks = found(*rows, policy=policy)
        assert leak_notes(leaks)[0] == "shared between parts, the same recording: c/s0/0 (train) = c/s1/1 (test)"
        assert not any("kept in one part" in note for note in leak_notes(leaks))
        assert leaks.shared_audio == NOTHING | {"train_test": 1}


def test_a_recording_under_two_speakers_is_named_even_where_it_lies_in_one_part():
    leaks = found(("train", {"recording": "one"}), ("train", {"recording": "one"}), ("val", {}), policy="error")
    assert leak_notes(leaks) == [
        "one recording under several speakers' names (c/s0 and c/s1): c/s0/0, c/s1/1; one of the names is wrong",
        "near-identical audio, kept in one part: c/s0/0, c/s1/1",
    ]
    assert leaks.torn == []


def test_an_unknown_speaker_and_another_corpus_are_no_wrong_name():
    one = {"recording": "one"}
    unknown = found(("train", one | {"speaker": ""}), ("train", one), policy="error")
    assert unknown.two_names == []
    kept = "near-identical audio, kept in one part: "
    assert leak_notes(unknown) == [f"{kept}c/s0/0, c/s1/1"]
    corpora = found(("train", one), ("train", one | {"corpus": "d"}), policy="error")
    assert leak_notes(corpora) == [f"{kept}c/s0/0, c/s1/1", "one recording in several corpora: c/s0/0, c/s1/1"]


def test_twins_of_one_speaker_in_one_part_are_listed_and_no_leak():
    twins = {"recording": "one", "hash": "one", "speaker": "s"}
    leaks = found(("train", twins), ("train", twins), policy="error")
    assert leaks.recordings == [
        {
            "clips": ["c/s0/0", "c/s1/1"],
            "labels": ["sad", "sad"],
            "speakers": ["c/s", "c/s"],
            "parts": ["train", "train"],
            "identical": True,
        }
    ]
    assert leaks.torn == []
    assert leak_notes(leaks) == ["identical audio, kept in one part: c/s0/0, c/s1/1"]
    assert leaks.shared_audio == NOTHING


def test_clips_that_were_left_out_are_listed_without_a_part():
    clips = table(("train", {}), ("test", {}))
    twins = pl.concat([table(("x", {"recording": "r", "clip": name})) for name in ("a", "b")]).drop("part")
    leaks = find_leaks(clips, twins, policy="error", num_copies=3)
    assert [(one["clips"], one["parts"]) for one in leaks.recordings] == [(["a", "b"], [None, None])]
    written = json.loads(json.dumps(leaks_file(leaks)))
    assert (written["further_copies"], written["policy"], written["in_several_parts"]) == (3, "error", [])
    assert written["recordings"][0]["identical"] is True


def test_many_are_cut_and_counted():
    rows = [(part, {"recording": str(number)}) for number in range(15) for part in ("train", "test")]
    notes = leak_notes(found(*rows))
    assert (len(notes), notes[-1]) == (11, "and 20 more, see leaks.json")
