"""The traps of public copies of the corpora, each planted, and the message read that a user then reads."""

from __future__ import annotations

import json
import shutil
import struct

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.describe import describe
from ser_lightning.prepare import prepare
from ser_lightning.train import train

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b2592487c7556bd86df7df6e8f4420d1b9c\nsize 72862\n"


@pytest.fixture
def command(run_job, tmp_path):
    """Prepare or train a planted corpus: `command(prepare, "tess", ...)`; what it said, spaces as they are."""

    def run(job, corpus, *overrides):
        places = [f"corpus={corpus}", f"corpus.root={tmp_path / 'planted'}", f"cache_dir={tmp_path / 'cache'}"]
        if job is describe:
            places += [f"hydra.run.dir={tmp_path / 'card'}"]
        if job is train:
            places += ["trainer=debug", "model.backbone=test_resnet", f"hydra.run.dir={tmp_path / 'run'}"]
        return run_job(job, job.__name__, [*places, *overrides])

    return run


@pytest.fixture
def plant(write_noise, tmp_path):
    """Write noise of a seed as a file of the planted corpus; its path."""

    def write(name, seed, **how):
        write_noise(tmp_path / "planted" / name, seed=seed, **how)
        return tmp_path / "planted" / name

    return write


def tess(plant, words=("back", "bar", "base", "bath", "bean"), emotions=("angry", "sad")):
    """A few TESS clips of both speakers, each of its own sound."""
    seed = 0
    for speaker in ("OAF", "YAF"):
        for emotion in emotions:
            for word in words:
                seed += 1
                plant(f"{speaker}_{emotion}/{speaker}_{word}_{emotion}.wav", seed)


class TestDoubledTrees:
    @pytest.mark.parametrize("nested", ["TESS Toronto emotional speech set data", "again"])
    def test_a_nested_copy_is_told_and_used_once(self, command, plant, tmp_path, nested):
        tess(plant)
        shutil.copytree(tmp_path / "planted", tmp_path / "copy")
        shutil.move(tmp_path / "copy", tmp_path / "planted" / nested)
        done = command(prepare, "tess")
        assert done.code == 0, done.err
        assert "20 of 40 files are further copies of a clip" in done.out
        assert "each clip is used once" in done.out
        assert "20 clips, 2 speakers" in done.out

    def test_the_leak_check_counts_the_copies_and_no_part_shares_them(self, command, plant, tmp_path):
        tess(plant)
        shutil.copytree(tmp_path / "planted", tmp_path / "copy")
        shutil.move(tmp_path / "copy", tmp_path / "planted" / "nested")
        done = command(train, "tess", "split=random")
        assert done.code == 0, done.err
        leaks = json.loads((tmp_path / "run" / "leaks.json").read_text())
        assert leaks["further_copies"] == 20
        assert set(leaks["shared"]["identical_audio"].values()) == {0}

    def test_a_tree_doubled_under_other_names_stays_in_one_part(self, command, plant, tmp_path):
        rows = []
        for number in range(12):
            for copy in ("one", "two"):
                path = plant(f"{copy}/{copy}{number}.wav", number)
                rows.append({"path": str(path), "emotion": ("angry", "sad")[number % 2], "speaker": f"s{number % 4}"})
        pl.DataFrame(rows).write_csv(tmp_path / "planted" / "clips.csv")
        options = ["split=random", "split.val_fraction=0.3", f"corpus.root={tmp_path / 'planted' / 'clips.csv'}"]
        done = command(train, "table", *options)
        assert done.code == 0, done.err
        assert "identical audio, kept in one part: table/s0/one0, table/s0/two0" in done.out
        leaks = json.loads((tmp_path / "run" / "leaks.json").read_text())
        assert len(leaks["recordings"]) == 12
        assert leaks["in_several_parts"] == []


class TestTrueDuplicates:
    def test_one_name_and_two_sounds_is_an_error(self, command, plant):
        tess(plant)
        plant("nested/OAF_back_angry.wav", 99)
        done = command(prepare, "tess")
        assert done.code == 2
        assert "differs from the file of the same name at" in done.err
        assert "OAF_back_angry.wav" in done.err

    def test_one_sound_under_two_emotions_is_left_out_and_named(self, command, plant, tmp_path):
        """CREMA-D's three pairs, as published: each is named, and none stops the run."""
        seed = 0
        for actor in (1006, 1013, 1017, 1020):
            for sentence in ("TIE", "WSI", "IWW", "IEO"):
                for emotion in ("HAP", "NEU", "DIS", "SAD", "ANG", "FEA"):
                    seed += 1
                    plant(f"AudioWAV/{actor}_{sentence}_{emotion}_XX.wav", seed, seconds=0.12)
        pairs = [("1006_TIE_HAP_XX", "1006_TIE_NEU_XX"), ("1013_WSI_DIS_XX", "1013_WSI_SAD_XX")]
        pairs.append(("1017_IWW_ANG_XX", "1017_IWW_FEA_XX"))
        for one, other in pairs:
            shutil.copy(tmp_path / f"planted/AudioWAV/{one}.wav", tmp_path / f"planted/AudioWAV/{other}.wav")
        done = command(train, "cremad")
        assert done.code == 0, done.err
        left_out = pl.read_csv(tmp_path / "run" / "left_out.csv")
        for one, other in pairs:
            said = next(line for line in done.out.splitlines() if one in line and "two labels" in line)
            assert said.startswith("note: left out, as identical audio bears two labels: cremad/")
            assert other in said
            assert left_out.filter(pl.col("path").str.contains(f"{one}|{other}")).height == 2
        leaks = json.loads((tmp_path / "run" / "leaks.json").read_text())
        assert sorted(one["parts"] for one in leaks["recordings"]) == [[None, None]] * 3

    def test_one_sound_under_one_emotion_is_kept_in_one_part(self, command, plant, tmp_path):
        """RAVDESS's pair of actor 07."""
        seed = 0
        for actor in ("05", "06", "07", "08"):
            for emotion in ("03", "05"):
                for take in ("01", "02"):
                    seed += 1
                    plant(f"Actor_{actor}/03-01-{emotion}-01-02-{take}-{actor}.wav", seed)
        pair = [f"Actor_07/03-01-03-01-02-0{take}-07.wav" for take in (1, 2)]
        shutil.copy(*(tmp_path / "planted" / name for name in pair))
        done = command(train, "ravdess", "split=random", "split.stratify=false")
        assert done.code == 0, done.err
        names = "ravdess/actor07/03-01-03-01-02-01-07, ravdess/actor07/03-01-03-01-02-02-07"
        assert f"identical audio, kept in one part: {names}" in done.out
        (found,) = json.loads((tmp_path / "run" / "leaks.json").read_text())["recordings"]
        assert len(set(found["parts"])) == 1


class TestNamesAndFolders:
    def test_labels_come_from_the_file_name_however_the_folder_is_spelt(self, command, plant):
        folders = ("OAF_Fear", "YAF_fear", "OAF_Pleasant_surprise", "YAF_pleasant_surprised", "OAF_Sad", "YAF_sad")
        for seed, folder in enumerate(folders):
            speaker, word = folder.split("_")[:2]
            token = {"fear": "fear", "pleasant": "ps", "sad": "sad"}[word.lower()]
            plant(f"{folder}/{speaker}_back_{token}.wav", seed)
        done = command(train, "tess", "split=random", "label_set=six")
        assert done.code == 2
        assert "the data holds fear, sad, surprise" in done.err

    def test_a_file_in_another_actors_folder_is_refused_with_both_names(self, command, plant):
        plant("Actor_05/03-01-05-02-02-01-05.wav", 1)
        plant("Actor_05/03-01-05-01-01-01-02.wav", 2)
        done = command(prepare, "ravdess")
        assert done.code == 2
        assert "03-01-05-01-01-01-02.wav: lies in the folder of actor 05, but its name says actor 02" in done.err

    def test_another_actors_sound_under_a_name_of_its_own_folder_is_found_by_ear(self, command, plant, tmp_path):
        """A copy of actor 05's clip at half the level, named as actor 02's and lying in actor 02's folder."""
        seed = 0
        for actor in ("01", "02", "03", "04", "05"):
            for emotion in ("03", "05"):
                for statement in ("01", "02"):
                    seed += 1
                    plant(f"Actor_{actor}/03-01-{emotion}-01-{statement}-01-{actor}.wav", seed, seconds=1.0)
        samples, rate = soundfile.read(tmp_path / "planted/Actor_05/03-01-05-01-02-01-05.wav")
        soundfile.write(tmp_path / "planted/Actor_02/03-01-05-01-01-01-02.wav", samples * 0.5, rate)
        done = command(train, "ravdess")
        assert done.code == 0, done.err
        assert "one recording under several speakers' names (ravdess/actor02 and ravdess/actor05)" in done.out
        (found,) = json.loads((tmp_path / "run" / "leaks.json").read_text())["under_several_speakers"]
        assert found["clips"] == ["ravdess/actor02/03-01-05-01-01-01-02", "ravdess/actor05/03-01-05-01-02-01-05"]
        assert (len(set(found["parts"])), found["identical"]) == (1, False)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data


class TestContainers:
    def test_headers_of_any_length_and_an_aiff_named_wav_are_read_to_the_sample(self, command, plant, tmp_path):
        tess(plant, emotions=("angry",))
        folder = tmp_path / "planted" / "OAF_angry"
        path = folder / "OAF_back_angry.wav"
        samples, rate = soundfile.read(path, dtype="int16")
        head = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
        body = b"WAVE" + chunk(b"fmt ", head) + chunk(b"FLLR", bytes(4044)) + chunk(b"data", samples.tobytes())
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        samples, rate = soundfile.read(folder / "OAF_bar_angry.wav", dtype="int16")
        soundfile.write(folder / "OAF_bar_angry.wav", samples, rate, format="AIFF")
        before = command(prepare, "tess", "verify=true")
        assert before.code == 0, before.err
        (store,) = (tmp_path / "cache").glob("tess-*/index.arrow")
        assert pl.read_ipc(store)["length"].to_list() == [3200] * 10
        assert "verified: 10 clips" in before.out

    def test_a_git_lfs_pointer_is_called_one(self, command, plant, tmp_path):
        plant("AudioWAV/1001_DFA_ANG_XX.wav", 1)
        (tmp_path / "planted/AudioWAV/1002_DFA_ANG_XX.wav").write_text(LFS)
        done = command(prepare, "cremad")
        assert done.code == 2
        assert "1 of 2 files cannot be used" in done.err
        assert (
            "1002_DFA_ANG_XX.wav: is a git-LFS pointer, not audio; fetch the real file with `git lfs pull`" in done.err
        )


class TestSamples:
    def test_a_file_of_another_rate_is_resampled_from_its_own_and_named(self, command, plant):
        words = ("back", "bar", "base", "bath", "bean", "beg", "bite", "boat", "bone", "book", "bought", "burn")
        seed = 0
        for speaker in ("OAF", "YAF"):
            for word in words:
                seed += 1
                rate = 96000 if (speaker, word) == ("OAF", "bean") else 24414
                plant(f"{speaker}_fear/{speaker}_{word}_fear.wav", seed, rate=rate, seconds=0.2 + seed / 1000)
        done = command(prepare, "tess")
        assert done.code == 0, done.err
        assert "tess: most files have 24414 Hz, but 1 has 96000 Hz: tess/OAF/OAF_bean_fear" in done.out

    def test_tess_is_resampled_once_and_found_again(self, command, plant, tmp_path):
        plant("OAF_fear/OAF_back_fear.wav", 1, rate=24414, seconds=1.0)
        first, again = command(prepare, "tess"), command(prepare, "tess")
        assert first.out == again.out
        (store,) = (tmp_path / "cache").glob("tess-*/index.arrow")
        assert pl.read_ipc(store).select("file_rate", "length").rows() == [(24414, 16000)]

    def test_the_silent_clip_of_the_official_release_is_left_out_by_name(self, command, plant, tmp_path):
        plant("AudioWAV/1001_DFA_ANG_XX.wav", 1)
        soundfile.write(tmp_path / "planted/AudioWAV/1076_MTI_SAD_XX.wav", np.zeros(41_108), 16000)
        done = command(prepare, "cremad")
        assert done.code == 0, done.err
        assert "known defect of the official release, left out: 1076_MTI_SAD_XX" in done.out
        assert "1 clips, 1 speakers" in done.out

    def test_any_other_silent_clip_stops(self, command, plant, tmp_path):
        plant("AudioWAV/1001_DFA_ANG_XX.wav", 1)
        soundfile.write(tmp_path / "planted/AudioWAV/1002_MTI_SAD_XX.wav", np.zeros(16_000), 16000)
        done = command(prepare, "cremad")
        assert done.code == 2
        assert "1002_MTI_SAD_XX.wav: is silent throughout (every sample is zero)" in done.err

    def test_loudness_that_tells_emotion_and_speaker_is_said_and_so_is_whether_a_model_hears_it(
        self, command, plant, tmp_path
    ):
        """Angry clips are full noise and sad ones a hundredth of it; YAF is twice as loud as OAF."""
        tess(plant)
        for path in (tmp_path / "planted").rglob("*.wav"):
            samples, rate = soundfile.read(path)
            level = (1.0 if "angry" in path.name else 0.01) * (1.0 if "YAF" in path.name else 0.5)
            soundfile.write(path, samples * level, rate)
        done = command(describe, "tess")
        assert done.code == 0, done.err
        (page,) = (tmp_path / "card").rglob("index.html")
        said = page.read_text()
        assert "The loudest emotion is angry" in said
        assert "The loudest speaker is YAF" in said
        assert "Of the variance of loudness the emotion explains" in said
        assert command(train, "tess").code == 0
        assert "level: remove" in (tmp_path / "run" / "config.yaml").read_text()

    def test_clips_forced_to_one_length_are_told(self, command, plant):
        for seed in range(20):
            plant(
                f"wav/{(3, 8, 9, 10)[seed % 4]:02}a0{1 + seed // 4 % 2}{'WLEAFTN'[seed % 7]}a.wav", seed, seconds=0.15
            )
        done = command(prepare, "emodb")
        assert done.code == 0, done.err
        assert "clips last 0.150 s: this is a cut or padded copy, not the recordings" in done.out
