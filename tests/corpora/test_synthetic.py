"""The synthetic corpus: the same bytes for the same parameters, whole or absent, and acted as its styles say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import find_peaks

from ser_lightning.corpora.synthetic import (
    STYLES,
    Style,
    Synthetic,
    contour,
    draw_sentence,
    draw_speaker,
    record,
    vary,
)
from ser_lightning.corpora.voice import HOP, SAMPLE_RATE, frames_of, pronounce
from ser_lightning.errors import UserError

SCAN = """
import sys
from ser_lightning.corpora.synthetic import Synthetic
corpus = Synthetic(cache_dir="unused", root=sys.argv[1], num_speakers=2, num_texts=int(sys.argv[2]))
print(len(corpus.scan().clips))
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Synthetic:
    corpus = Synthetic(cache_dir=tmp_path_factory.mktemp("cache"), num_speakers=3, num_texts=2)
    corpus.generate(corpus.folder, num_workers=1)
    return corpus


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def scan_in_process(root: Path, num_texts: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCAN, str(root), str(num_texts)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_every_speaker_says_every_text_in_every_emotion(corpus: Synthetic) -> None:
    clips = corpus.scan().clips
    assert Counter(clips["emotion"]) == dict.fromkeys(STYLES, 6)
    assert Counter(clips.select("speaker", "sex").iter_rows()) == {
        ("s01", "female"): 14,
        ("s02", "male"): 14,
        ("s03", "female"): 14,
    }
    assert Counter(clips["text"]) == {"t01": 21, "t02": 21}
    assert set(clips.select("corpus", "take").iter_rows()) == {("synthetic", "1")}
    assert clips["path"].n_unique() == 42


def test_every_clip_is_speech_of_one_channel_at_16_khz(corpus: Synthetic) -> None:
    for path in corpus.scan().clips["path"]:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype, info.format) == (16_000, 1, "PCM_16", "WAV")
        assert 0.9 <= info.duration <= 3.6
        wave, _ = soundfile.read(path)
        assert -55.0 < 10.0 * np.log10(np.mean(wave**2)) < -10.0
        assert np.abs(wave).max() < 1.0


def test_the_same_parameters_give_the_same_bytes_for_any_number_of_workers(corpus: Synthetic, tmp_path: Path) -> None:
    corpus.generate(tmp_path / "again", num_workers=4)
    assert contents(tmp_path / "again") == contents(corpus.folder)


def test_a_clip_does_not_depend_on_how_many_there_are(corpus: Synthetic, tmp_path: Path) -> None:
    smaller = replace(corpus, root=tmp_path / "smaller", num_speakers=2, num_texts=1)
    ours = {Path(path).name: Path(path).read_bytes() for path in smaller.scan().clips["path"]}
    assert len(ours) == 14
    assert ours.items() <= contents(corpus.folder).items()


def test_another_seed_gives_other_clips_in_another_folder(corpus: Synthetic) -> None:
    other = replace(corpus, seed=1, num_speakers=2, num_texts=1)
    paths = [Path(path) for path in other.scan().clips["path"]]
    assert other.folder != corpus.folder
    assert all(path.read_bytes() != (corpus.folder / path.name).read_bytes() for path in paths)


def test_an_interrupted_generation_is_not_trusted(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    process = scan_in_process(root, num_texts=20)
    partial = tmp_path / ".corpus.partial"
    while process.poll() is None and not any(partial.glob("*.wav")):
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert 0 < len(list(partial.iterdir())) < 280
    assert not root.exists()
    (partial / "s99_angry_t01.wav").touch()  # a leftover that must not reach the corpus
    corpus = Synthetic(cache_dir=tmp_path, root=root, num_speakers=2, num_texts=1)
    assert all(soundfile.info(path).frames > 0 for path in corpus.scan().clips["path"])
    assert not partial.exists()


def test_two_processes_at_once_give_one_whole_corpus(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    processes = [scan_in_process(root, num_texts=2) for _ in range(2)]
    said = [process.communicate() for process in processes]
    assert [output for output, _ in said] == ["28\n", "28\n"]
    assert sorted("making the synthetic corpus" in errors for _, errors in said) == [False, True]
    alone = Synthetic(cache_dir=tmp_path, root=tmp_path / "alone", num_speakers=2, num_texts=2)
    alone.scan()
    assert contents(root) == contents(alone.folder)


def remove_a_clip(folder: Path) -> None:
    (folder / "s01_sad_t01.wav").unlink()


def add_a_file(folder: Path) -> None:
    (folder / "notes.txt").touch()


def replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


def change_the_seed(folder: Path) -> None:
    manifest = folder / "synthetic.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 7'))


@pytest.mark.parametrize("damage", [remove_a_clip, add_a_file, replace_by_a_file, change_the_seed])
def test_a_root_that_holds_something_else_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    corpus = Synthetic(cache_dir=tmp_path, root=tmp_path / "root", num_speakers=2, num_texts=1)
    corpus.scan()
    damage(tmp_path / "root")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"root is not the 14 clips .*; delete it, or give another root"):
        corpus.scan()
    assert sorted(tmp_path.rglob("*")) == before


def test_text_is_taken_for_paths() -> None:
    corpus = Synthetic(cache_dir="a/b", root="c")  # type: ignore[arg-type]  # as Hydra gives them
    assert (corpus.cache_dir, corpus.folder) == (Path("a/b"), Path("c"))


def test_a_recording_has_the_level_that_is_asked_for() -> None:
    speaker = replace(draw_speaker(0, 1), noise_db=-90.0)
    tone = np.sin(2.0 * np.pi * 440.0 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    for level_db in (-40.0, -25.0):
        wave = record(tone, speaker, level_db, np.random.default_rng(0))
        assert 10.0 * np.log10(np.mean(wave**2)) == pytest.approx(level_db, abs=0.01)


def test_the_contour_moves_by_the_semitones_of_the_style() -> None:
    sentence = draw_sentence(0, 1)
    style = Style(f0_st=3.0, slope_st=6.0, accent_st=0.0, final_st=0.0)
    phones = pronounce(sentence, swell_db=0.0, breath_db=0.0)
    shift_st = contour(sentence, phones, style, 1.0, np.random.default_rng(0))
    assert shift_st.size == sum(frames_of(phone, 1.0) for phone in phones)
    assert shift_st[0] == pytest.approx(3.0 - 3.0)
    assert shift_st[-1] == pytest.approx(3.0 + 3.0)
    assert (np.diff(shift_st) >= -1e-9).all()
    assert shift_st.mean() == pytest.approx(3.0, abs=0.5)


def test_the_accent_is_the_height_of_a_stressed_vowel() -> None:
    sentence = draw_sentence(0, 1)
    phones = pronounce(sentence, swell_db=0.0, breath_db=0.0)
    flat, accented = (
        contour(sentence, phones, Style(accent_st=height), 0.25, np.random.default_rng(0)) for height in (0.0, 4.0)
    )
    peaks, _ = find_peaks(accented - flat, height=1.0)
    assert len(peaks) == sum(syllable.stressed for syllable in sentence)
    assert (accented - flat)[peaks] == pytest.approx(4.0, abs=0.15)


def test_tremor_vibrates_at_six_and_a_half_hertz() -> None:
    sentence = draw_sentence(0, 2)
    phones = pronounce(sentence, swell_db=0.0, breath_db=0.0)
    still, trembling = (
        contour(sentence, phones, Style(tremor_st=depth), 0.5, np.random.default_rng(0)) for depth in (0.0, 1.5)
    )
    vibration = trembling - still
    power = np.abs(np.fft.rfft(vibration, n=100_000)) ** 2
    assert np.fft.rfftfreq(100_000, HOP / SAMPLE_RATE)[np.argmax(power)] == pytest.approx(6.5, abs=0.2)
    assert np.abs(vibration).max() == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_style_is_drawn_about_its_distance_from_neutral(strength: float) -> None:
    rng = np.random.default_rng(0)
    draws = [vary(STYLES["surprise"], strength, rng) for _ in range(500)]
    assert np.mean([drawn.slope_st for drawn in draws]) == pytest.approx(-2.0 + 9.0 * strength, abs=0.15)
    assert np.mean([drawn.rate for drawn in draws]) == pytest.approx(1.0, abs=0.01)


def test_sadness_is_slower_and_softer_than_anger(corpus: Synthetic) -> None:
    rows = {Path(path).stem: soundfile.read(path)[0] for path in corpus.scan().clips["path"]}
    stems = [f"s{speaker:02d}_{{}}_t{text:02d}" for speaker in (1, 2, 3) for text in (1, 2)]
    pairs = [(rows[stem.format("sad")], rows[stem.format("angry")]) for stem in stems]
    assert all(sad.size > 1.2 * angry.size for sad, angry in pairs)
    assert np.mean([10.0 * np.log10(np.mean(angry**2) / np.mean(sad**2)) for sad, angry in pairs]) > 4.0
