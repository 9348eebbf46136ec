"""CREMA-D by its official names in every tree in which people have it; its listeners: test_cremad_votes.py."""

import csv
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.corpora.cremad import CremaD
from ser_lightning.errors import UserError
from ser_lightning.prepare import prepare

CODES = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": ""}
SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
GAPS = {("1008", "WSI"), ("1009", "MTI"), ("1019", "ITH")}
SINGLE_GAPS = {"1002_TIE_NEU_XX", "1076_ITS_NEU_XX"}
ACTORS = [str(actor) for actor in range(1001, 1092)]
KNOWN = "known in the official release:"
PAIRS = (
    f"{KNOWN} 1006_TIE_HAP_XX = 1006_TIE_NEU_XX, 1013_WSI_DIS_XX = 1013_WSI_SAD_XX, 1017_IWW_ANG_XX = 1017_IWW_FEA_XX "
    "(one file under two emotions)"
)
MP3 = "of the published MP3s 27 share their sound with another and others are damaged: fetch the folder AudioWAV"


def levels(sentence, code):
    return ("LO", "MD", "HI") if sentence == "IEO" and code != "NEU" else ("XX",)


OFFICIAL = sorted(
    f"{actor}_{sentence}_{code}_{level}"
    for actor, sentence, code in product(ACTORS, SENTENCES, CODES)
    if (actor, sentence) not in GAPS
    for level in levels(sentence, code)
    if f"{actor}_{sentence}_{code}_{level}" not in SINGLE_GAPS
)


def old(name):
    """As clips were named until 2022, and still are in older copies."""
    return name.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X")


LAYOUTS = {
    "kaggle": lambda name: [f"AudioWAV/{old(name)}.wav"],
    "repository": lambda name: [
        f"AudioWAV/{name}.wav",
        f"AudioMP3/{name}.mp3",
        f"VideoFlash/{name}.flv",
        "processedResults/tabulatedVotes.csv",
        "README.md",
    ],
    "flat": lambda name: [f"{name}.wav"],
    "a folder an actor": lambda name: [f"Actor_{name[:4]}/{name}.wav"],
    "lower case": lambda name: [f"audiowav/{name.lower()}.wav"],
    "upper-case ending": lambda name: [f"AudioWAV/{name}.WAV"],
    "flac, mp3 beside": lambda name: [f"{name}.flac", f"{name}.mp3"],
}


def scan(root, **options):
    return CremaD(data_dir="nowhere", root=str(root), **options).scan()


def test_official_names_are_those_of_the_design(shared_corpora):
    with (shared_corpora("CREMA-D") / "SentenceFilenames.csv").open() as file:
        assert sorted(row["Filename"] for row in csv.DictReader(file)) == OFFICIAL


def test_official_counts_of_the_fact_sheet():
    assert (len(OFFICIAL), len(set(OFFICIAL))) == (7442, 7442)
    assert Counter(name[-2:] for name in OFFICIAL) == {"XX": 6077, "LO": 455, "MD": 455, "HI": 455}
    few = {actor: count for actor, count in Counter(name[:4] for name in OFFICIAL).items() if count != 82}
    assert few == {"1002": 81, "1008": 76, "1009": 76, "1019": 76, "1076": 81}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(tmp_path, plant, layout):
    plant(tmp_path, OFFICIAL, LAYOUTS[layout])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == OFFICIAL
    assert found.clips.select("speaker", "emotion", "intensity").rows() == [
        (name[:4], CODES[name[9:12]], LEVELS[name[13:]]) for name in OFFICIAL
    ]
    by_sex = Counter(found.clips.select("emotion", "sex").iter_rows())
    acted = set(CODES.values()) - {"neutral"}
    assert by_sex == {(emotion, "male"): 671 for emotion in acted} | {(emotion, "female"): 600 for emotion in acted} | {
        ("neutral", "male"): 575,
        ("neutral", "female"): 512,
    }
    assert dict(found.clips.group_by(pl.col("name").str.slice(5, 3)).agg(pl.col("text").n_unique()).iter_rows()) == (
        dict.fromkeys(SENTENCES, 1)
    )
    assert (len(set(found.clips["text"])), len(set(found.clips["speaker"]))) == (12, 91)
    assert {Path(path).suffix.lower() for path in found.clips["path"]} <= {".wav", ".flac"}
    assert (found.bad, found.copies, found.notes[-1]) == ((), (), PAIRS)
    assert len(found.notes) == 1 + (layout == "flac, mp3 beside")


def test_a_tree_unpacked_twice_names_every_copy(tmp_path, plant):
    plant(tmp_path, OFFICIAL, lambda name: [f"AudioWAV/{name}.wav", f"AudioWAV/AudioWAV/{old(name)}.wav"])
    found = scan(tmp_path)
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / f"AudioWAV/{name}.wav" for name in OFFICIAL]
    assert len(found.copies) == 7442
    assert found.notes[0].startswith("7442 of 14884 files are further copies of a clip")


def test_sexes_are_those_of_the_published_table(tmp_path, plant, shared_corpora):
    plant(tmp_path, [f"{actor}_DFA_ANG_XX.wav" for actor in ACTORS])
    with (shared_corpora("CREMA-D") / "VideoDemographics.csv").open() as file:
        published = {row["ActorID"]: row["Sex"].lower() for row in csv.DictReader(file)}
    assert dict(scan(tmp_path).clips.select("speaker", "sex").iter_rows()) == published
    assert Counter(published.values()) == {"male": 48, "female": 43}


@pytest.mark.parametrize(
    ("file", "name", "emotion", "intensity", "sex", "text"),
    [
        ("AudioWAV/1001_DFA_ANG_XX.wav", "1001_DFA_ANG_XX", "angry", "", "male", "Don't forget a jacket"),
        ("AudioWAV/1002_IEO_HAP_LO.wav", "1002_IEO_HAP_LO", "happy", "low", "female", "It's eleven o'clock"),
        ("1091_IEO_FEA_MD.wav", "1091_IEO_FEA_MD", "fear", "medium", "female", "It's eleven o'clock"),
        ("1090_IEO_DIS_HI.wav", "1090_IEO_DIS_HI", "disgust", "high", "male", "It's eleven o'clock"),
        ("1040_ITH_SAD_X.wav", "1040_ITH_SAD_XX", "sad", "", "male", "I think I have a doctor's appointment"),
        ("1037_wsi_neu_xx.flac", "1037_WSI_NEU_XX", "neutral", "", "female", "We'll stop in a couple of minutes"),
    ],
)
def test_real_names(tmp_path, plant, file, name, emotion, intensity, sex, text):
    plant(tmp_path, [file])
    [row] = scan(tmp_path).clips.rows(named=True)
    assert (row["name"], row["emotion"], row["intensity"], row["speaker"]) == (name, emotion, intensity, name[:4])
    assert (row["sex"], row["text"], row["path"]) == (sex, text, str(tmp_path / file))


@pytest.mark.parametrize(
    "stem",
    ["1000_DFA_ANG_XX", "1092_DFA_ANG_XX", "1001_DFB_ANG_XX", "1001_DFA_SUR_XX", "1001_DFA_ANG_XL", "1001_DFA_ANG"],
)
def test_a_name_that_is_almost_right_is_foreign(tmp_path, plant, stem):
    plant(tmp_path, ["1001_DFA_ANG_XX.wav", f"{stem}.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["1001_DFA_ANG_XX"]
    assert found.notes == (f"1 files below {tmp_path} bear no name of the corpus, such as {stem}.wav",)


def test_a_clip_in_another_actors_folder_is_bad(tmp_path, plant):
    plant(tmp_path, ["1002/1001_DFA_ANG_XX.wav", "1001/1001_DFA_SAD_XX.wav"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["1001_DFA_SAD_XX"]
    reason = "lies in the folder of actor 1002, but its name says actor 1001"
    assert found.bad == ((str(tmp_path / "1002/1001_DFA_ANG_XX.wav"), reason),)


@pytest.mark.parametrize("folder", ["AudioMP3", "audiomp3", ""])
@pytest.mark.parametrize("below", [True, False], ids=["its parent", "itself"])
def test_mp3s_only_are_refused(tmp_path, plant, folder, below):
    plant(tmp_path / folder, ["1001_DFA_ANG_XX.mp3", "1001_DFA_SAD_XX.mp3"])
    root = tmp_path if below else tmp_path / folder
    with pytest.raises(UserError) as caught:
        scan(root)
    assert str(caught.value) == f"{root} holds CREMA-D as MP3 only; {MP3}"


def test_a_clip_that_is_there_as_mp3_only_is_bad(tmp_path, plant):
    plant(tmp_path, ["1001_DFA_ANG_XX.wav", "1001_DFA_ANG_XX.mp3", "1001_DFA_SAD_XX.mp3"])
    found = scan(tmp_path)
    assert [Path(path).name for path in found.clips["path"]] == ["1001_DFA_ANG_XX.wav"]
    assert found.bad == ((str(tmp_path / "1001_DFA_SAD_XX.mp3"), f"is an MP3; {MP3}"),)


def test_the_silent_clip_is_a_known_defect_wherever_it_is(tmp_path, plant):
    plant(tmp_path, ["deep/AudioWAV/1076_MTI_SAD_XX.wav", "1076_MTI_NEU_XX.wav"])
    found = scan(tmp_path)
    [defect] = found.defects
    assert defect.path == str(tmp_path / "deep/AudioWAV/1076_MTI_SAD_XX.wav")
    assert (defect.error, defect.note) == ("is silent throughout", "1076_MTI_SAD_XX has no sound")


def test_half_of_a_conflicting_pair_needs_no_note(tmp_path, plant):
    plant(tmp_path, ["1006_TIE_HAP_XX.wav", "1013_WSI_DIS_XX.wav", "1013_WSI_SAD_XX.wav"])
    known = f"{KNOWN} 1013_WSI_DIS_XX = 1013_WSI_SAD_XX (one file under two emotions)"
    assert scan(tmp_path).notes == (known,)


def test_known_defects_stop_no_run(tmp_path, run_job, write_noise):
    for seed, name in enumerate(("1001_DFA_ANG_XX", "1002_DFA_SAD_XX", "1006_TIE_HAP_XX")):
        write_noise(tmp_path / "crema-d" / f"{name}.wav", seed=seed)
    soundfile.write(tmp_path / "crema-d/1076_MTI_SAD_XX.wav", np.zeros(1600, np.int16), 16000)
    done = run_job(prepare, "prepare", ["corpus=cremad", f"data_dir={tmp_path}", f"cache_dir={tmp_path / 'cache'}"])
    assert done.code == 0, done.err
    assert "known defect of the official release, left out: 1076_MTI_SAD_XX has no sound" in done.out.replace("\n", " ")
    assert "3 clips, 3 speakers" in done.out


def test_a_download_without_git_lfs_says_so(tmp_path, run_job, shared_corpora):
    root = shared_corpora("CREMA-D")
    done = run_job(prepare, "prepare", ["corpus=cremad", f"corpus.root={root}", f"cache_dir={tmp_path}"])
    assert done.code == 2
    assert "3 of 3 files cannot be used" in done.err
    assert "is a git-LFS pointer, not audio" in done.err.replace("\n", " ")


@pytest.mark.parametrize("name", ["cremad", "CREMA-D", "crema_d", "AudioWAV", "CREMA-D-master"])
def test_data_dir_holds_it_under_a_usual_name(tmp_path, plant, name):
    plant(tmp_path / name, ["1001_DFA_ANG_XX.wav"])
    found = CremaD(data_dir=str(tmp_path)).scan()
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / name / "1001_DFA_ANG_XX.wav"]
    assert [(origin.corpus, origin.labels) for origin in found.origins] == [("cremad", "acted")]


def test_no_cremad_at_all(tmp_path, plant):
    with pytest.raises(UserError, match="no folder of cremad in data_dir"):
        CremaD(data_dir=str(tmp_path))
    plant(tmp_path, ["OAF_back_angry.wav", "other.mp3"])
    with pytest.raises(UserError, match=r"CREMA-D: no file below .* is named like 1001_DFA_ANG_XX.wav"):
        scan(tmp_path)
