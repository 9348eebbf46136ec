"""TESS by its official names in every tree in which people have it, and as it really is where it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from ser_lightning.corpora.base import Scan
from ser_lightning.corpora.tess import Tess
from ser_lightning.data.clips import Clips, load_clips, with_labels
from ser_lightning.emotions import label_set
from ser_lightning.errors import UserError

WORDS = """
back bar base bath bean beg bite boat bone book bought burn cab calm came cause chain chair chalk chat check cheek
chief choice cool dab date dead death deep dime dip ditch dodge dog doll door fail fall far fat fit five food gap gas
gaze germ get gin goal good goose gun half hall hash hate have haze hire hit hole home hurl hush jail jar join judge
jug juice keen keep keg kick kill king kite knock late laud lean learn lease lid life limb live loaf long lore lose
lot love luck make match merge mess met mill mob mode mood moon mop mouse nag name near neat nice note numb pad page
pain pass pearl peg perch phone pick pike pole pool puff rag raid rain raise rat reach read red ring ripe road room
rose rot rough rush said sail search seize sell shack shall shawl sheep shirt should shout size soap soup sour south
sub such sure take talk tape team tell thin third thought thumb time tip tire ton tool tough turn vine voice void vote
wag walk wash week wheat when which whip white wife wire witch yearn yes young youth
""".split()  # noqa: SIM905 (two hundred words in quotes are ten times as long)
CODES = {name: name for name in ("angry", "disgust", "fear", "happy", "neutral", "sad")} | {"ps": "surprise"}
SPELLINGS = {
    ("OAF", "fear"): "OAF_Fear",
    ("OAF", "ps"): "OAF_Pleasant_surprise",
    ("OAF", "sad"): "OAF_Sad",
    ("YAF", "ps"): "YAF_pleasant_surprised",
}
"""The published directories whose name is not simply speaker_code."""
OFFICIAL = sorted(
    (f"{speaker}_{word}_{code}", CODES[code], speaker, f"Say the word {word}")
    for speaker, word, code in product(("OAF", "YAF"), WORDS, CODES)
)
KNOWN = (
    "known in the official release: OAF_bite_neutral (named OA_bite_neutral); OAF_food_fear (at 96 kHz); "
    "YAF_germ_angry, YAF_neat_fear (AIFF named .wav)"
)
MISSPELT = {"OAF_bite_neutral": "OA_bite_neutral"}
KAGGLE = "TESS Toronto emotional speech set data"


def directory(name: str) -> str:
    speaker, _, code = name.split("_")
    return SPELLINGS.get((speaker, code), f"{speaker}_{code}")


def lower_directory(name: str) -> str:
    speaker, _, code = name.split("_")
    return f"{speaker}_{'pleasant_surprise' if code == 'ps' else code}"


def spelt(name: str) -> str:
    return MISSPELT.get(name, name)


LAYOUTS: dict[str, Callable[[str], list[str]]] = {
    "dataverse, flat": lambda name: [f"{spelt(name)}.wav"],
    "kaggle, unpacked twice": lambda name: [
        f"{KAGGLE}/{directory(name)}/{spelt(name)}.wav",
        f"{KAGGLE}/{KAGGLE}/{directory(name)}/{spelt(name)}.wav",
    ],
    "repackaged": lambda name: [f"TESS_Toronto_emotional_speech_set_data/{directory(name)}/{spelt(name)}.wav"],
    "lower-case directories": lambda name: [f"{lower_directory(name)}/{spelt(name)}.wav"],
    "lower-case names": lambda name: [f"{directory(name).lower()}/{spelt(name).lower()}.wav"],
    "upper-case names": lambda name: [f"{spelt(name).upper()}.WAV"],
    "spelt right": lambda name: [f"{directory(name)}/{name}.wav"],
    "flac": lambda name: [f"{directory(name)}/{spelt(name)}.flac"],
    "no directory says the emotion": lambda name: [f"all/{name[:3]}/{spelt(name)}.ogg"],
}


def plant(root: Path, names: list[str], layout: Callable[[str], list[str]]) -> None:
    files = [root / file for name in names for file in layout(name)]
    for parent in {file.parent for file in files}:
        parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.touch()


def scan(root: Path) -> Scan:
    return Tess(data_dir="nowhere", root=str(root)).scan()


def told(found: Scan) -> list[tuple[str, str, str]]:
    return sorted(found.clips.select("text", "emotion", "speaker").iter_rows())


def test_official_counts_of_the_fact_sheet():
    assert (len(WORDS), len(set(WORDS)), len(OFFICIAL)) == (200, 200, 2800)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(tmp_path: Path, layout: str):
    plant(tmp_path, [row[0] for row in OFFICIAL], LAYOUTS[layout])
    found = scan(tmp_path)
    assert told(found) == sorted((text, emotion, speaker) for _, emotion, speaker, text in OFFICIAL)
    assert Counter(found.clips["emotion"]) == dict.fromkeys(CODES.values(), 400)
    assert Counter(found.clips.select("speaker", "sex").iter_rows()) == {
        ("OAF", "female"): 1400,
        ("YAF", "female"): 1400,
    }
    assert set(found.clips.select("corpus", "take", "intensity").iter_rows()) == {("tess", "1", "")}
    assert found.bad == ()
    assert set(found.clips["name"]) == {row[0] for row in OFFICIAL}
    assert len(found.notes) == 1 + (layout == "kaggle, unpacked twice")
    assert found.notes[-1] == KNOWN


def test_the_doubled_kaggle_tree_says_so_and_names_every_copy(tmp_path: Path):
    plant(tmp_path, [row[0] for row in OFFICIAL], LAYOUTS["kaggle, unpacked twice"])
    found = scan(tmp_path)
    paths = [Path(path) for path in found.clips["path"]]
    assert {path.parent.parent for path in paths} == {tmp_path / KAGGLE}
    assert [copy for kept, copy in found.copies] == [
        tmp_path / KAGGLE / KAGGLE / path.relative_to(tmp_path / KAGGLE) for path in paths
    ]
    assert found.notes[0].startswith("2800 of 5600 files are further copies of a clip")


def test_both_spellings_of_the_misspelt_clip_are_one_clip(tmp_path: Path):
    for name in ("OA_bite_neutral.wav", "OAF_bite_neutral.wav"):
        (tmp_path / name).touch()
    found = scan(tmp_path)
    assert found.clips.select("speaker", "text", "emotion").rows() == [("OAF", "Say the word bite", "neutral")]
    assert [{path.name for path in pair} for pair in found.copies] == [{"OA_bite_neutral.wav", "OAF_bite_neutral.wav"}]
    assert found.notes[-1] == "known in the official release: OAF_bite_neutral (named OA_bite_neutral)"


@pytest.mark.parametrize("folder", ["YAF_angry", "yaf", "YAF_pleasant_surprised", "YAF sad"])
def test_a_clip_in_the_other_speakers_folder_is_bad(tmp_path: Path, folder: str):
    plant(tmp_path, ["OAF_back_angry", "OAF_back_sad"], lambda name: [f"{folder}/{name}.wav"])
    plant(tmp_path, ["OAF_back_angry", "YAF_back_angry"], LAYOUTS["spelt right"])
    found = scan(tmp_path)
    assert found.clips["name"].to_list() == ["OAF_back_angry", "YAF_back_angry"]
    reason = "lies in the folder of speaker YAF, but its name says speaker OAF"
    assert found.bad == tuple((str(tmp_path / folder / f"OAF_back_{code}.wav"), reason) for code in ("angry", "sad"))


def test_a_folder_that_names_no_speaker_is_not_read(tmp_path: Path):
    plant(tmp_path, ["OAF_back_angry"], lambda name: [f"YAFFLE/{name}.wav"])
    found = scan(tmp_path)
    assert (len(found.clips), found.bad, found.notes) == (1, (), ())


@pytest.mark.parametrize(
    "name",
    ["OAF_back_surprise", "YA_back_angry", "OAFF_back_angry", "OAF_back", "OAF_back_angry (1)", "OAF_b4ck_angry"],
)
def test_a_name_that_is_almost_right_is_foreign(tmp_path: Path, name: str):
    for stem in ("OAF_back_ps", name):
        (tmp_path / f"{stem}.wav").touch()
    found = scan(tmp_path)
    assert found.clips.select("name", "emotion").rows() == [("OAF_back_ps", "surprise")]
    assert found.notes == (f"1 files below {tmp_path} bear no name of the corpus, such as {name}.wav",)


def test_no_tess_at_all(tmp_path: Path):
    with pytest.raises(
        UserError, match=r"TESS: no file below .* is named like OAF_back_angry.wav; found no audio file"
    ):
        scan(tmp_path)


def test_a_missing_folder_is_told_when_the_corpus_is_made(tmp_path: Path):
    with pytest.raises(UserError, match=r"corpus.root must be the folder that holds tess: .* does not exist"):
        Tess(data_dir=str(tmp_path), root=str(tmp_path / "none"))
    with pytest.raises(UserError, match="no folder of tess in data_dir"):
        Tess(data_dir=str(tmp_path))


@pytest.mark.parametrize(
    "name",
    [
        "tess",
        "TESS",
        KAGGLE,
        KAGGLE.lower(),
        "TESS_Toronto_emotional_speech_set",
        "TESS_Toronto_Emotional_Speech_Set_Data",
    ],
)
def test_data_dir_holds_it_under_a_usual_name(tmp_path: Path, name: str):
    plant(tmp_path / name, ["OAF_back_ps"], LAYOUTS["spelt right"])
    found = Tess(data_dir=str(tmp_path)).scan()
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / name / "OAF_Pleasant_surprise/OAF_back_ps.wav"]


@pytest.fixture(scope="module")
def real(shared_corpora: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Clips:
    corpus = Tess(data_dir="nowhere", root=str(shared_corpora("TESS")))
    clips = load_clips(corpus, cache_dir=tmp_path_factory.mktemp("cache"), rate=16000, skip_bad=False)
    return with_labels(clips, label_set("paper7", clips.table["emotion"].unique()))


def test_real_clips_are_all_there(real: Clips):
    assert len(real.table) == 700
    assert real.left_out == ()
    assert set(real.table.group_by("speaker", "emotion").len()["len"]) == {50}
    assert {text.split()[-1] for text in real.table["text"]} <= set(WORDS)
    assert Counter(real.table["label"]) == dict.fromkeys(
        ("angry", "fear", "disgust", "sad", "surprise", "happy", "calm"), 100
    )
    assert real.notes[0] == KNOWN


def test_real_odd_files_are_read_as_what_they_are(real: Clips):
    """One file at 96 kHz, two AIFF files named .wav, one misspelt name (docs: fact sheet of TESS, odd files)."""
    rates = dict(real.table.group_by("file_rate").len().iter_rows())
    assert rates == {24414: 699, 96000: 1}
    assert real.table.filter(pl.col("file_rate") == 96000)["clip"].to_list() == ["tess/OAF/OAF_food_fear"]
    seconds = {clip: length / 16000 for clip, length in real.table.select("clip", "length").iter_rows()}
    assert seconds["tess/OAF/OAF_food_fear"] == pytest.approx(145172 / 96000, abs=1e-3)
    assert {"tess/OAF/OA_bite_neutral", "tess/YAF/YAF_germ_angry", "tess/YAF/YAF_neat_fear"} <= set(seconds)


def test_real_medians_by_cell_are_those_of_the_fact_sheet(real: Clips):
    cells = {
        (speaker, emotion): median
        for speaker, emotion, median in real.table.group_by("speaker", "emotion")
        .agg(pl.col("seconds").median())
        .iter_rows()
    }
    assert cells["OAF", "angry"] == pytest.approx(1.57, abs=0.1)
    assert cells["YAF", "disgust"] == pytest.approx(2.53, abs=0.1)
    assert cells["OAF", "sad"] == pytest.approx(2.53, abs=0.1)
