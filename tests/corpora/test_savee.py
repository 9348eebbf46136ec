"""SAVEE by its official names in every tree in which people have it."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from ser_lightning.corpora.savee import Savee
from ser_lightning.errors import UserError

CODES = {"a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise"}
SPEAKERS = ("DC", "JE", "JK", "KL")
OFFICIAL = sorted(
    (f"{speaker}_{code}{number:02d}", emotion, speaker, f"{code}{number:02d}")
    for speaker, (code, emotion) in product(SPEAKERS, CODES.items())
    for number in range(1, 31 if code == "n" else 16)
)
NAMES = [row[0] for row in OFFICIAL]
TEXTS = (
    "SAVEE's texts are known by emotion and number only (such as a04): 3 of 15 sentences are common to all emotions, "
    "and each neutral one is another emotion's too, but names do not tell which; no split can promise texts apart"
)


def official(name):
    return f"AudioData/{name[:2]}/{name[3:]}.wav"


LAYOUTS = {
    "official": lambda name: [official(name)],
    "kaggle": lambda name: [f"ALL/{name}.wav"],
    "flat": lambda name: [f"{name}.wav"],
    "without underscore": lambda name: [f"{name.replace('_', '')}.wav"],
    "speakers in lower case": lambda name: [f"savee/{name[:2].lower()}/{name[3:]}.WAV"],
    "all in upper case": lambda name: [f"SAVEE/{name.upper()}.WAV"],
    "all in lower case": lambda name: [f"{name.lower()}.wav"],
    "names in the speaker's folder": lambda name: [f"{name[:2]}/{name}.wav"],
    "flac": lambda name: [f"{name[:2]}/{name[3:]}.flac"],
    "official, with its texts": lambda name: [official(name), "AudioData/Info.txt", f"AudioData/{name[:2]}/phon.txt"],
}
DOUBLED = {
    "official": lambda name: [official(name), f"AudioData/{official(name)}"],
    "kaggle": lambda name: [f"ALL/{name}.wav", f"archive/ALL/{name}.wav"],
    "official beside kaggle": lambda name: [f"ALL/{name}.wav", official(name)],
    "two spellings": lambda name: [f"ALL/{name}.wav", f"Renamed/{name.replace('_', '')}.wav"],
}


def scan(root):
    return Savee(data_dir="nowhere", root=str(root)).scan()


def told(found):
    return found.clips.select("name", "emotion", "speaker", "text").rows()


def test_official_counts_of_the_fact_sheet():
    assert (len(OFFICIAL), len(set(NAMES))) == (480, 480)
    assert Counter(row[1] for row in OFFICIAL) == dict.fromkeys(CODES.values(), 60) | {"neutral": 120}
    assert Counter(row[2] for row in OFFICIAL) == dict.fromkeys(SPEAKERS, 120)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(tmp_path, plant, layout):
    plant(tmp_path, NAMES, LAYOUTS[layout])
    found = scan(tmp_path)
    assert told(found) == OFFICIAL
    assert set(found.clips.select("corpus", "sex", "take", "intensity").iter_rows()) == {("savee", "male", "", "")}
    assert (found.notes, found.bad, found.copies, found.defects) == ((TEXTS,), (), (), ())


@pytest.mark.parametrize("layout", DOUBLED)
def test_a_doubled_tree_gives_each_clip_once_and_names_every_copy(tmp_path, plant, layout):
    plant(tmp_path, NAMES, DOUBLED[layout])
    found = scan(tmp_path)
    assert told(found) == OFFICIAL
    assert len(found.copies) == 480
    assert [note.split(" (")[0] for note in found.notes[:-1]] == ["480 of 960 files are further copies of a clip"]


@pytest.mark.parametrize(
    ("file", "name", "emotion"),
    [
        ("AudioData/DC/a01.wav", "DC_a01", "angry"),
        ("AudioData/JE/sa15.wav", "JE_sa15", "sad"),
        ("AudioData/KL/su07.wav", "KL_su07", "surprise"),
        ("AudioData/JK/n30.wav", "JK_n30", "neutral"),
        ("AudioData/JK/n16.wav", "JK_n16", "neutral"),
        ("ALL/JE_d09.wav", "JE_d09", "disgust"),
        ("SAVEE/KL_f10.wav", "KL_f10", "fear"),
        ("DCh03.wav", "DC_h03", "happy"),
        ("je_SA02.Wav", "JE_sa02", "sad"),
    ],
)
def test_real_names(tmp_path, plant, file, name, emotion):
    plant(tmp_path, [file])
    [row] = scan(tmp_path).clips.rows(named=True)
    assert (row["name"], row["emotion"], row["speaker"], row["text"]) == (name, emotion, name[:2], name[3:])
    assert row["path"] == str(tmp_path / file)


@pytest.mark.parametrize(
    "stem", ["a00", "a16", "sa16", "su00", "n00", "n31", "x01", "s01", "a1", "a001", "DC_a01 (1)", "ME_a01", "DC-a01"]
)
def test_a_name_that_is_almost_right_is_foreign(tmp_path, plant, stem):
    plant(tmp_path, ["DC/a01.wav", f"DC/{stem}.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["DC_a01"]
    assert found.notes[0] == f"1 files below {tmp_path} bear no name of the corpus, such as {stem}.wav"


def test_a_clip_that_does_not_say_its_speaker_is_bad(tmp_path, plant):
    plant(tmp_path, ["AudioData/a01.wav", "AudioData/DC/a01.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["DC_a01"]
    [(path, reason)] = found.bad
    assert path == str(tmp_path / "AudioData/a01.wav")
    assert reason == "does not say whose voice it is: place it in a folder DC, JE, JK or KL, or name it like DC_a01.wav"


def test_a_clip_in_another_speakers_folder_is_bad(tmp_path, plant):
    plant(tmp_path, ["JE/KL_a01.wav", "KL/KL_a01.wav"])
    found = scan(tmp_path)
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / "KL/KL_a01.wav"]
    reason = "lies in the folder of speaker JE, but its name says speaker KL"
    assert found.bad == ((str(tmp_path / "JE/KL_a01.wav"), reason),)


def test_where_it_comes_from(tmp_path, plant):
    plant(tmp_path, ["DC_a01.wav"])
    [origin] = scan(tmp_path).origins
    assert (origin.corpus, origin.labels) == ("savee", "acted")
    assert "no redistribution" in origin.licence


@pytest.mark.parametrize("name", ["savee", "SAVEE", "AudioData", "surrey-audiovisual-expressed-emotion-savee"])
def test_data_dir_holds_it_under_a_usual_name(tmp_path, plant, name):
    plant(tmp_path / name, ["DC/a01.wav"])
    assert [Path(path) for path in Savee(data_dir=str(tmp_path)).scan().clips["path"]] == [
        tmp_path / name / "DC/a01.wav"
    ]


def test_no_savee_at_all(tmp_path, plant):
    with pytest.raises(UserError, match="no folder of savee in data_dir"):
        Savee(data_dir=str(tmp_path))
    plant(tmp_path, ["OAF_back_angry.wav"])
    with pytest.raises(UserError, match=r"SAVEE: no file below .* is named like DC_a01.wav or DC/a01.wav"):
        scan(tmp_path)
