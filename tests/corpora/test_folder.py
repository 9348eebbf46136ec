"""Finding a corpus's folder, listing its audio, and telling copies apart, for any tree that people have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ser_lightning.corpora.base import Utterance
from ser_lightning.corpora.folder import audio_files, find_root, known_oddities, misplaced, narrowed, scan_folder
from ser_lightning.errors import UserError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in audio_files(root)]


def parse(path: Path) -> tuple[str, Utterance] | None:
    if not path.stem.startswith("clip"):
        return None
    return Utterance(path=path, name=path.stem, emotion="happy", speaker="a", corpus="x")


def kept(root: Path) -> list[str]:
    found = scan_folder(root, parse, corpus="X", example="clip1.wav")
    return [Path(path).relative_to(root).as_posix() for path in found.clips["path"]]


@pytest.mark.parametrize("name", ["RAVDESS", "ravdess", "Ravdess_", "ravdess-emotional-speech-audio"])
def test_data_dir_is_searched_ignoring_case_and_signs(tmp_path: Path, name: str):
    (tmp_path / "other").mkdir()
    (tmp_path / name).mkdir()
    found = find_root(None, data_dir=tmp_path, corpus="ravdess", names=["RAVDESS Emotional Speech Audio"])
    assert found == tmp_path / name


def test_of_several_folders_the_name_told_first_is_taken(tmp_path: Path):
    for name in ("a", "B", "c"):
        (tmp_path / name).mkdir()
    assert find_root(None, data_dir=tmp_path, corpus="x", names=["c", "b", "a"]) == tmp_path / "c"
    assert find_root(None, data_dir=tmp_path, corpus="b", names=["c", "a"]) == tmp_path / "B"


def test_a_file_of_that_name_is_no_folder(tmp_path: Path):
    touch(tmp_path, "tess", "other/a.wav", "cache/b.wav")
    with pytest.raises(
        UserError, match=re.escape(f"no folder of tess in data_dir={tmp_path} (it holds other)")
    ) as caught:
        find_root(None, data_dir=tmp_path, corpus="tess", names=[])
    assert "corpus.root=DIR, or place it as " + str(tmp_path / "tess") in str(caught.value)


def test_a_data_dir_that_is_not_there(tmp_path: Path):
    with pytest.raises(UserError, match=r"it holds no folder"):
        find_root(None, data_dir=tmp_path / "none", corpus="tess", names=[])


def test_a_root_must_be_a_folder(tmp_path: Path):
    touch(tmp_path, "a.wav")
    with pytest.raises(UserError, match=r"corpus.root must be the folder that holds tess: .*none does not exist"):
        find_root(tmp_path / "none", data_dir=tmp_path, corpus="tess", names=[])
    with pytest.raises(UserError, match=r"a.wav is a file"):
        find_root(tmp_path / "a.wav", data_dir=tmp_path, corpus="tess", names=[])


def test_a_root_may_bear_any_name_and_stand_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my corpus").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_root("~/my corpus", data_dir="none", corpus="tess", names=[]) == tmp_path / "my corpus"


def test_hidden_files_of_macs_and_editors_are_passed_over(tmp_path: Path):
    touch(
        tmp_path,
        "b/clip2.wav",
        "a/clip1.WAV",
        "clip0.flac",
        "__MACOSX/a/clip1.wav",
        "__MACOSX/a/._clip1.wav",
        "a/._clip1.wav",
        ".git/clip3.wav",
        "a/.DS_Store",
    )
    assert listed(tmp_path) == ["clip0.flac", "a/clip1.WAV", "b/clip2.wav"]


def test_what_is_no_audio_by_its_ending_is_passed_over_and_any_other_ending_is_taken(tmp_path: Path):
    touch(tmp_path, "a.mp4", "a.TXT", "a.csv", "a.zip", "a.PDF", "a.npy", "a.jpg", "a.oga", "a", "a.Mp3", "a.b")
    touch(tmp_path, "a.lablaut", "a.labsilb", "a.silb", "a.TextGrid")
    assert listed(tmp_path) == ["a", "a.Mp3", "a.b", "a.oga"]


def test_links_are_followed_and_a_link_back_up_ends(tmp_path: Path):
    touch(tmp_path, "store/clip1.wav")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "up").symlink_to(tmp_path / "tree")
    (tmp_path / "tree" / "clip2.wav").symlink_to(tmp_path / "store" / "clip1.wav")
    assert listed(tmp_path / "tree") == ["clip2.wav", "linked/clip1.wav"]


def test_a_tree_unpacked_twice_gives_each_clip_once_from_its_outer_half(tmp_path: Path):
    touch(tmp_path, "a/clip1.wav", "a/clip2.wav", "again/a/clip1.wav", "again/a/clip2.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    assert [Path(path) for path in found.clips["path"]] == [tmp_path / "a/clip1.wav", tmp_path / "a/clip2.wav"]
    assert found.copies == (
        (tmp_path / "a/clip1.wav", tmp_path / "again/a/clip1.wav"),
        (tmp_path / "a/clip2.wav", tmp_path / "again/a/clip2.wav"),
    )
    assert len(found.notes) == 1
    assert found.notes[0].startswith("2 of 4 files are further copies of a clip")
    assert str(tmp_path / "again/a/clip1.wav") in found.notes[0]


def test_another_type_of_a_clip_is_no_copy_and_wav_goes_before_flac_before_mp3(tmp_path: Path):
    touch(tmp_path, "mp3/clip1.mp3", "flac/deep/clip1.FLAC", "mp3/clip2.mp3", "wav/very/deep/clip1.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    assert kept(tmp_path) == ["wav/very/deep/clip1.wav", "mp3/clip2.mp3"]
    assert found.copies == ()
    assert [note.split(" of ")[0] for note in found.notes] == ["2 files are other types"]


def test_foreign_names_are_counted_and_one_is_named(tmp_path: Path):
    touch(tmp_path, "clip1.wav", "take2.wav", "noise", "readme.txt")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    assert [Path(path).name for path in found.clips["path"]] == ["clip1.wav"]
    assert found.notes == (f"2 files below {tmp_path} bear no name of the corpus, such as noise",)


def test_a_plain_tree_needs_no_note(tmp_path: Path):
    touch(tmp_path, "a/clip1.wav", "b/clip2.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    assert (len(found.clips), found.notes, found.copies, found.bad) == (2, (), (), ())


@pytest.mark.parametrize(
    ("names", "seen"),
    [((), "no audio file"), (("clip1.txt",), "no audio file"), (("b.wav", "a.wav"), "2 other files, such as a.wav")],
)
def test_no_name_of_the_corpus_is_an_error_that_shows_an_example(tmp_path: Path, names: tuple[str, ...], seen: str):
    touch(tmp_path, *names)
    with pytest.raises(UserError, match=f"X: no file below .* is named like clip1.wav; found {seen}"):
        scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")


def test_folders_to_skip_are_not_entered_whatever_their_case(tmp_path: Path):
    touch(tmp_path, "wav/clip1.wav", "Laryngo/clip1.wav", "deep/LARYNGO/clip2.wav", "laryngo2/clip3.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav", skip=("laryngo",))
    assert found.clips["name"].to_list() == ["clip1", "clip3"]
    assert found.copies == ()


def test_fewer_clips_have_fewer_copies(tmp_path: Path):
    touch(tmp_path, "a/clip1.wav", "a/clip2.wav", "again/a/clip1.wav", "again/a/clip2.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    fewer = narrowed(found, found.clips[1:])
    assert fewer.clips["name"].to_list() == ["clip2"]
    assert fewer.copies == ((tmp_path / "a/clip2.wav", tmp_path / "again/a/clip2.wav"),)
    assert fewer.notes == found.notes


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("actor_02", None),
        ("ACTOR_02", None),
        ("actor_2x", None),
        ("x_actor_05", None),
        ("Actor_05", "lies in the folder of actor 05, but its name says actor 02"),
    ],
)
def test_a_folder_that_names_another_speaker(folder: str, reason: str | None):
    folders = re.compile(r"actor_(\d\d)", re.IGNORECASE)
    assert misplaced(Path(folder) / "clip.wav", folders, "02", word="actor") == reason


def test_oddities_are_told_of_clips_that_are_there(tmp_path: Path):
    touch(tmp_path, "clip1.wav", "clip2.wav", "clip3.wav", "clip4.wav")
    found = scan_folder(tmp_path, parse, corpus="X", example="clip1.wav")
    pairs = {(f"clip{n}", f"clip{n + 1}"): "one file" for n in (1, 3, 4)}
    told = ("known in the official release: clip1 = clip2, clip3 = clip4 (one file); clip1 (loud)",)
    assert known_oddities(found, {**pairs, ("clip1",): "loud", ("clip9",): "quiet"}) == told
    assert known_oddities(found, {("clip9",): "quiet"}) == ()
