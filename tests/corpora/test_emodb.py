"""EmoDB by names of its own form in every tree in which people have it, with the counts of the fact sheet."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from ser_lightning.corpora.columns import COLUMNS
from ser_lightning.corpora.emodb import EmoDB
from ser_lightning.errors import UserError

CODES = {"W": "angry", "L": "boredom", "E": "disgust", "A": "fear", "F": "happy", "T": "sad", "N": "neutral"}
TEXTS = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
COUNTS = {
    "03": (14, 5, 1, 4, 7, 7, 11),
    "08": (12, 10, 0, 6, 11, 9, 10),
    "09": (13, 4, 8, 1, 4, 4, 9),
    "10": (10, 8, 1, 8, 4, 3, 4),
    "11": (11, 8, 2, 10, 8, 7, 9),
    "12": (12, 5, 2, 6, 2, 4, 4),
    "13": (12, 10, 8, 7, 10, 5, 9),
    "14": (16, 8, 8, 12, 8, 10, 7),
    "15": (13, 9, 5, 8, 6, 4, 11),
    "16": (14, 14, 11, 7, 11, 9, 5),
}
"""Clips of each speaker, by emotion in the order of CODES."""
FEMALE = {"08", "09", "13", "14", "16"}
NAMES = [
    f"{speaker}{text}{code}{version}"
    for speaker, counts in COUNTS.items()
    for code, count in zip(CODES, counts, strict=True)
    for version, text in list(product("abcdef", TEXTS))[:count]
]
"""As many names as there are in each cell; which sentences and versions these are is made up."""


def beside(name):
    """A file of the classic archive, and those of the same name around it."""
    return [
        f"wav/{name}.wav",
        f"lablaut/{name}.lablaut",
        f"labsilb/{name}.labsilb",
        f"silb/{name}.silb",
        "erkennung.txt",
        "erklaerung.txt",
    ]


LAYOUTS = {
    "classic": beside,
    "kaggle": lambda name: [f"wav/{name}.wav"],
    "flat": lambda name: [f"{name}.wav"],
    "audformat 2.0": lambda name: [f"wav/{name}.wav", f"laryngo/{name}.wav", "db.yaml", "db.emotion.csv"],
    "laryngograms in capitals": lambda name: [f"emodb/WAV/{name}.wav", f"emodb/Laryngo/{name}.wav"],
    "labels beside the clips": lambda name: [f"{name}.wav", f"{name}.lablaut", f"{name}.labsilb", f"{name}.silb"],
    "a folder a speaker": lambda name: [f"{name[:2]}/{name}.wav"],
    "upper case": lambda name: [f"WAV/{name.upper()}.WAV"],
    "flac": lambda name: [f"wav/{name}.flac"],
}


def scan(root):
    return EmoDB(data_dir="nowhere", root=str(root)).scan()


def cells(found):
    return Counter(found.clips.select("speaker", "emotion").iter_rows())


def test_official_counts_of_the_fact_sheet():
    assert (len(NAMES), len(set(NAMES))) == (535, 535)
    by_emotion = dict(zip(CODES.values(), map(sum, zip(*COUNTS.values(), strict=True)), strict=True))
    assert by_emotion == {
        "angry": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happy": 71,
        "sad": 62,
        "neutral": 79,
    }
    assert [sum(counts) for counts in COUNTS.values()] == [49, 58, 43, 38, 55, 35, 61, 69, 56, 71]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(tmp_path, plant, layout):
    plant(tmp_path, NAMES, LAYOUTS[layout])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == sorted(NAMES)
    assert cells(found) == {
        (speaker, emotion): count
        for speaker, counts in COUNTS.items()
        for emotion, count in zip(CODES.values(), counts, strict=True)
        if count
    }
    assert set(found.clips.filter(sex="female")["speaker"]) == FEMALE
    assert set(found.clips.filter(sex="male")["speaker"]) == set(COUNTS) - FEMALE
    assert set(found.clips.select("corpus", "intensity").iter_rows()) == {("emodb", "")}
    assert found.clips.columns == list(COLUMNS)
    assert (found.notes, found.bad, found.copies, found.defects) == ((), (), (), ())


def test_a_tree_unpacked_twice_names_every_copy(tmp_path, plant):
    plant(tmp_path, NAMES, lambda name: [f"wav/{name}.wav", f"emodb/wav/{name}.wav"])
    found = scan(tmp_path)
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / f"wav/{name}.wav" for name in sorted(NAMES)]
    assert len(found.copies) == 535
    assert found.notes[0].startswith("535 of 1070 files are further copies of a clip")


@pytest.mark.parametrize(
    ("file", "name", "emotion", "sex", "text", "take"),
    [
        ("wav/03a02Wb.wav", "03a02Wb", "angry", "male", "Das will sie am Mittwoch abgeben", "b"),
        ("wav/12a02Ac.wav", "12a02Ac", "fear", "male", "Das will sie am Mittwoch abgeben", "c"),
        (
            "wav/16b10Wb.wav",
            "16b10Wb",
            "angry",
            "female",
            "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
            "b",
        ),
        ("08a07Fd.WAV", "08a07Fd", "happy", "female", "In sieben Stunden wird es soweit sein", "d"),
        ("09A01EA.wav", "09a01Ea", "disgust", "female", "Der Lappen liegt auf dem Eisschrank", "a"),
        ("wav/10a04Lz.wav", "10a04Lz", "boredom", "male", "Heute abend koennte ich es ihm sagen", "z"),
        (
            "wav/08b03Tc.wav",
            "08b03Tc",
            "sad",
            "female",
            "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
            "c",
        ),
    ],
)
def test_real_names(tmp_path, plant, file, name, emotion, sex, text, take):
    plant(tmp_path, [file])
    [row] = scan(tmp_path).clips.rows(named=True)
    assert (row["name"], row["emotion"], row["speaker"], row["sex"]) == (name, emotion, name[:2], sex)
    assert (row["text"], row["take"], row["path"]) == (text, take, str(tmp_path / file))


@pytest.mark.parametrize(
    "stem", ["03a03Wb", "03b04Wb", "04a02Wb", "17a02Wb", "03a02Xb", "03a02W", "03a02Wbb", "3a02Wb"]
)
def test_a_name_that_is_almost_right_is_foreign(tmp_path, plant, stem):
    plant(tmp_path, ["03a02Wb.wav", f"{stem}.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["03a02Wb"]
    assert found.notes == (f"1 files below {tmp_path} bear no name of the corpus, such as {stem}.wav",)


@pytest.mark.parametrize("folder", ["10", "speaker_10", "spk10"])
def test_a_clip_in_another_speakers_folder_is_bad(tmp_path, plant, folder):
    plant(tmp_path, [f"{folder}/03a02Wb.wav", f"{folder}/10a02Wa.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["10a02Wa"]
    reason = "lies in the folder of speaker 10, but its name says speaker 03"
    assert found.bad == ((str(tmp_path / folder / "03a02Wb.wav"), reason),)


@pytest.mark.parametrize("name", ["emodb", "EmoDB", "Emo-DB", "emodb_2.0", "berlin-database-of-emotional-speech-emodb"])
def test_data_dir_holds_it_under_a_usual_name(tmp_path, plant, name):
    plant(tmp_path / name, ["wav/03a02Wb.wav"])
    found = EmoDB(data_dir=str(tmp_path)).scan()
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / name / "wav/03a02Wb.wav"]
    assert [(origin.corpus, origin.licence) for origin in found.origins] == [("emodb", "CC BY 4.0")]


def test_no_emodb_at_all(tmp_path, plant):
    with pytest.raises(UserError, match="no folder of emodb in data_dir"):
        EmoDB(data_dir=str(tmp_path))
    plant(tmp_path, ["laryngo/03a02Wb.wav"])
    with pytest.raises(UserError, match=r"EmoDB: no file below .* is named like 03a02Wb.wav; found no audio file"):
        scan(tmp_path)
