"""A store is what reading the clips one by one gives: whole or absent, the same bytes however it came about."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import soundfile

from ser_lightning.data.audio import read_clip
from ser_lightning.data.making import CHUNK
from ser_lightning.data.samples import GRAIN, shard_paths
from ser_lightning.data.sources import Sources, sources, whole_files
from ser_lightning.data.store import SHARD_SIZE, TAIL_SECONDS, Store, changed_clips, open_store, prepare, store_key

WriteNoise = Callable[..., npt.NDArray[np.int16]]
RATE = 16000
NUM = 5 * CHUNK + 3

DIE = """
import os, signal, sys
from pathlib import Path
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import prepare
cache, fatal, shard_size, *paths = sys.argv[1:]
def die(event, args):
    if event == "open" and str(args[0]) == fatal and "a" not in str(args[1]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
prepare(whole_files(paths), name="x", cache_dir=Path(cache), rate=16000, workers=1, shard_size=int(shard_size))
"""
"""Prepares, and is killed when it opens one of the files, or one of the store's, other than to append to it."""

HOLD = """
import hashlib, sys
from pathlib import Path
from ser_lightning.data.samples import shard_paths
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import prepare
hold, cache, shard_size, *paths = sys.argv[1:]
opened = []
def watch(event, args):
    if event == "open" and str(args[0]) in paths:
        opened.append(args[0])
        if hold == "hold" and len(opened) == 1:
            print("begun", flush=True)
            sys.stdin.readline()
sys.addaudithook(watch)
store = prepare(whole_files(paths), name="x", cache_dir=Path(cache), rate=16000, shard_size=int(shard_size))
digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in shard_paths(store.folder)]
print(len(opened), store.folder, *digests)
"""
"""Prepares, and with `hold` waits for a line of input at its first file; says how many files it opened."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, write_noise: WriteNoise) -> Sources:
    """Short clips at several rates, among them a silent one, a missing one and two that are the same."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(NUM):
        rate = (16000, 44100, 24414)[number % 3]
        write_noise(folder / f"{number:03}.wav", seed=number, seconds=0.02 + 0.001 * number, rate=rate)
    soundfile.write(folder / "005.wav", np.zeros(500), RATE)
    shutil.copy(folder / "006.wav", folder / "009.wav")
    (folder / "050.wav").unlink()
    return whole_files(str(folder / f"{number:03}.wav") for number in range(NUM))


@pytest.fixture(scope="module", params=[SHARD_SIZE, 3000], ids=["one shard", "several shards"])
def shard_size(request: pytest.FixtureRequest) -> int:
    """Of the smaller a chunk of clips fills two or more."""
    return request.param


@pytest.fixture(scope="module")
def store(clips: Sources, tmp_path_factory: pytest.TempPathFactory, shard_size: int) -> Store:
    cache = tmp_path_factory.mktemp("cache")
    return prepare(clips, name="x", cache_dir=cache, rate=RATE, workers=1, shard_size=shard_size)


@pytest.fixture(scope="module")
def killed(clips: Sources, tmp_path_factory: pytest.TempPathFactory, shard_size: int) -> Path:
    """The cache of a preparation that was killed in its fourth chunk of six.

    One worker decodes at most three chunks ahead, so the first is on disk by then.
    """
    cache, paths = tmp_path_factory.mktemp("killed"), clips.table["path"].to_list()
    command = [sys.executable, "-c", DIE, str(cache), paths[3 * CHUNK], str(shard_size), *paths]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    return cache


def clips_of(path: str, *, copies: list[str] | None = None, start: float | None = None, end: float | None = None):
    table = pl.DataFrame({"path": [path], "start": [start], "end": [end]}, strict=False)
    return sources(table, [(Path(path), Path(copy)) for copy in copies or ()])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def samples_of(store: Store, row: int) -> npt.NDArray[np.int16]:
    offset, length = store.index["offset"][row], store.index["length"][row]
    return store.samples.read(offset, length)


def only_folder(cache: Path) -> Path:
    (folder,) = (entry for entry in cache.iterdir() if entry.is_dir())
    return folder


def test_every_clip_is_as_reading_it_alone_gives_it(clips: Sources, store: Store):
    unusable = {5: "is silent throughout (every sample is zero)", 50: "cannot be opened: no such file or directory"}
    for row, path in enumerate(clips.table["path"]):
        assert store.index["error"][row] == unusable.get(row, "")
        if row not in unusable:
            alone = read_clip(Path(path), RATE)
            np.testing.assert_array_equal(samples_of(store, row), alone.samples)
            assert (store.index["file_rate"][row], store.index["channels"][row]) == (alone.file_rate, alone.channels)
            assert store.index["note"][row] == alone.note


def shards_of(store: Store) -> list[npt.NDArray[np.int16]]:
    return [np.fromfile(path, "<i2") for path in shard_paths(store.folder)]


def filled_by_hand(store: Store, shard_size: int) -> list[int]:
    """How many samples of clips each shard has to have: the clips are 20 ms, 21 ms, ... at 16 kHz."""
    filled = [0]
    for num in store.index["length"].to_list():
        if filled[-1] + num > shard_size:
            filled.append(0)
        filled[-1] += num
    return filled


def test_clips_lie_end_to_end_and_zeros_follow_the_last_of_each_shard(store: Store, shard_size: int):
    shards, lengths = shards_of(store), filled_by_hand(store, shard_size)
    assert not any(shard[num:].any() for shard, num in zip(shards, lengths, strict=True))
    assert all(len(shard) - num >= TAIL_SECONDS * RATE for shard, num in zip(shards, lengths, strict=True))
    assert all(len(shard) % GRAIN == 0 for shard in shards)
    sounding = np.concatenate([shard[:num] for shard, num in zip(shards, lengths, strict=True)])
    np.testing.assert_array_equal(sounding, np.concatenate([samples_of(store, row) for row in range(NUM)]))
    assert (store.rate, store.samples.flat.dtype) == (RATE, np.dtype("int16"))


def test_offsets_are_addresses_in_all_shards_joined(store: Store):
    joined = np.concatenate(shards_of(store))
    assert len(store.samples) == len(joined)
    for row, (offset, length) in enumerate(store.index.select("offset", "length").iter_rows()):
        np.testing.assert_array_equal(joined[offset : offset + length], samples_of(store, row))


def test_a_clip_that_does_not_fit_opens_the_next_shard(store: Store, shard_size: int):
    num = len(filled_by_hand(store, shard_size))
    assert len(shard_paths(store.folder)) == num
    assert num == 1 if shard_size == SHARD_SIZE else num > 20


def test_a_clip_longer_than_a_shard_has_one_of_its_own(tmp_path: Path, write_noise: WriteNoise):
    waves = [write_noise(tmp_path / f"{number}.wav", seed=number, seconds=(number + 1) / 100) for number in range(4)]
    clips = whole_files(str(tmp_path / f"{number}.wav") for number in range(4))
    store = prepare(clips, name="x", cache_dir=tmp_path / "cache", rate=RATE, shard_size=300)
    assert [int(np.flatnonzero(shard)[-1]) + 1 for shard in shards_of(store)] == [160, 320, 480, 640]
    for row, wave in enumerate(waves):
        np.testing.assert_array_equal(samples_of(store, row), wave)


def test_equal_samples_have_equal_hashes_and_others_have_not(store: Store):
    usable = store.index.with_row_index().filter(pl.col("error") == "")
    twins = usable.filter(pl.col("hash").is_duplicated())["index"].to_list()
    assert twins == [6, 9]
    assert usable["hash"].n_unique() == len(usable) - 1
    assert set(store.index.filter(pl.col("error") != "")["hash"]) == {""}


def test_a_hash_knows_level_polarity_and_the_zeros_around(tmp_path: Path, write_noise: WriteNoise):
    wave = write_noise(tmp_path / "noise.wav") // 4
    around = [(0, 1), (1, 0), (1, 1), (0, 2)]
    kinds = [wave, 2 * wave, 3 * wave, -wave, -2 * wave, wave[1:], *(np.pad(wave, few) for few in around), wave.copy()]
    for number, kind in enumerate(kinds):
        soundfile.write(tmp_path / f"{number}.wav", kind, RATE)
    clips = whole_files(str(tmp_path / f"{number}.wav") for number in range(len(kinds)))
    digests = prepare(clips, name="x", cache_dir=tmp_path / "cache", rate=RATE).index["hash"].to_list()
    assert digests[0] == digests[-1]
    assert len(set(digests)) == len(kinds) - 1
    assert all(len(digest) == 32 and int(digest, 16) >= 0 for digest in digests)


def test_a_folder_of_whole_files_and_a_lock_is_all_that_is_left(store: Store):
    num = len(shard_paths(store.folder))
    assert sorted(contents(store.folder)) == [
        "about.json",
        "index.arrow",
        "pairs.arrow",
        *(f"samples-{number:05}.i16" for number in range(num)),
    ]
    assert sorted(entry.name for entry in store.folder.parent.iterdir() if entry != store.folder) in (
        [],
        [f"{store.folder.name}.lock"],
    )
    about = {"format": 3, "rate": RATE, "clips": NUM, "shards": num}
    assert json.loads((store.folder / "about.json").read_text()) == about


def test_the_number_of_workers_does_not_change_the_bytes(clips: Sources, store: Store, tmp_path: Path, shard_size: int):
    for workers in (2, 7):
        cache = tmp_path / str(workers)
        again = prepare(clips, name="x", cache_dir=cache, rate=RATE, workers=workers, shard_size=shard_size)
        assert again.folder.name == store.folder.name
        assert contents(again.folder) == contents(store.folder)


def test_a_store_that_is_there_is_opened_and_not_made_again(tmp_path: Path, write_noise: WriteNoise):
    samples = write_noise(tmp_path / "a.wav")
    one = whole_files([str(tmp_path / "a.wav")])
    first = prepare(one, name="x", cache_dir=tmp_path / "cache", rate=RATE)
    stamp = (first.folder / "samples-00000.i16").stat()
    again = prepare(one, name="x", cache_dir=tmp_path / "cache", rate=RATE)
    after = (again.folder / "samples-00000.i16").stat()
    assert (stamp.st_ino, stamp.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    np.testing.assert_array_equal(samples_of(again, 0), samples)
    assert open_store(first.folder).index.equals(first.index)


def test_a_store_may_hold_nothing_but_reasons(tmp_path: Path):
    store = prepare(whole_files(["none.wav"]), name="x", cache_dir=tmp_path, rate=RATE)
    assert store.index.rows(named=True) == [
        {
            "length": 0,
            "hash": "",
            "file_rate": 0,
            "channels": 0,
            "note": "",
            "error": "cannot be opened: no such file or directory",
            "offset": 0,
        }
    ]
    assert store.pairs.is_empty()
    assert store.pairs.schema == {"a": pl.Int64, "b": pl.Int64, "correlation": pl.Float64}


def test_the_key_changes_with_everything_a_store_is_made_of(tmp_path: Path, write_noise: WriteNoise):
    write_noise(tmp_path / "a.wav")
    shutil.copy2(tmp_path / "a.wav", tmp_path / "b.wav")
    path, other = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")
    plain = whole_files([path])
    keys = [
        store_key(plain, RATE),
        store_key(plain, 8000),
        store_key(plain, RATE, 1000),
        store_key(whole_files([other]), RATE),
        store_key(whole_files([path, other]), RATE),
        store_key(whole_files([other, path]), RATE),
        store_key(clips_of(path, copies=[other]), RATE),
        store_key(clips_of(path, start=0.0), RATE),
        store_key(clips_of(path, end=0.1), RATE),
        store_key(clips_of(path, start=0.1), RATE),
        store_key(whole_files([str(tmp_path / "none.wav")]), RATE),
    ]
    stat = Path(path).stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    keys.append(store_key(plain, RATE))
    with Path(path).open("ab") as file:
        file.write(b"\0")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    keys.append(store_key(plain, RATE))
    assert len(set(keys)) == len(keys) == 13
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)


def test_the_key_of_a_relative_path_is_that_of_the_whole_path(
    tmp_path: Path, write_noise: WriteNoise, monkeypatch: pytest.MonkeyPatch
):
    write_noise(tmp_path / "a.wav")
    monkeypatch.chdir(tmp_path)
    assert store_key(whole_files(["a.wav"]), RATE) == store_key(whole_files([str(tmp_path / "a.wav")]), RATE)


def test_a_touched_file_makes_a_new_store_beside_the_old(tmp_path: Path, write_noise: WriteNoise):
    one = whole_files([str(tmp_path / "a.wav")])
    stores, written = [], []
    for seed in (1, 2):
        written.append(write_noise(tmp_path / "a.wav", seed=seed))
        os.utime(tmp_path / "a.wav", ns=(0, seed))
        stores.append(prepare(one, name="x", cache_dir=tmp_path / "cache", rate=RATE))
    assert stores[0].folder != stores[1].folder
    for store, samples in zip(stores, written, strict=True):
        np.testing.assert_array_equal(samples_of(store, 0), samples)


def test_a_killed_preparation_leaves_a_part_under_another_name(killed: Path, clips: Sources, shard_size: int):
    partial = only_folder(killed)
    assert partial.name == f"x-{store_key(clips, RATE, shard_size)}.partial"
    lines = (partial / "journal.jsonl").read_text().splitlines()
    assert CHUNK <= len(lines) <= 3 * CHUNK
    assert len(lines) % CHUNK == 0


def as_it_was(partial: Path) -> None:
    assert (partial / "journal.jsonl").stat().st_size > 0


def torn_line(partial: Path) -> None:
    with (partial / "journal.jsonl").open("a") as journal:
        journal.write('{"length": 320, "hash": "00')


def more_samples(partial: Path) -> None:
    append(shard_paths(partial)[-1], 999)


def fewer_samples(partial: Path) -> None:
    """As after a power failure: the journal reached the disk, the last samples did not."""
    shorten(shard_paths(partial)[-1], 1)


def fewer_samples_in_the_first_shard(partial: Path) -> None:
    os.truncate(shard_paths(partial)[0], 2 * 1000)


def zeros_lost(partial: Path) -> None:
    """Those behind the last clip of a shard, but where it is the one that is written to."""
    for path in shard_paths(partial)[:-1]:
        shorten(path, 2 * TAIL_SECONDS * RATE)


def a_further_shard(partial: Path) -> None:
    (partial / "samples-00077.i16").write_bytes(b"\1\2" * 999)


def a_shard_lost(partial: Path) -> None:
    shard_paths(partial)[-2:][0].unlink()


def more_fingerprints(partial: Path) -> None:
    append(partial / "prints.f32", 999)


def fewer_fingerprints(partial: Path) -> None:
    shorten(partial / "prints.f32", 1)


def append(path: Path, times: int) -> None:
    with path.open("ab") as file:
        file.write(b"\1\2\3" * times)


def shorten(path: Path, num: int) -> None:
    os.truncate(path, max(0, path.stat().st_size - num))


def no_journal(partial: Path) -> None:
    (partial / "journal.jsonl").unlink()


def empty_journal(partial: Path) -> None:
    (partial / "journal.jsonl").write_text("")


def finished_but_not_renamed(partial: Path) -> None:
    for name in ("index.arrow", "pairs.arrow", "about.json"):
        (partial / name).write_text("half")


@pytest.mark.parametrize(
    "harm",
    [
        as_it_was,
        torn_line,
        more_samples,
        fewer_samples,
        fewer_samples_in_the_first_shard,
        zeros_lost,
        a_further_shard,
        a_shard_lost,
        more_fingerprints,
        fewer_fingerprints,
        no_journal,
        empty_journal,
        finished_but_not_renamed,
    ],
    ids=lambda harm: harm.__name__,
)
def test_a_killed_preparation_continues_to_the_same_bytes(
    killed: Path, clips: Sources, store: Store, tmp_path: Path, harm: Callable[[Path], None], shard_size: int
):
    cache = tmp_path / "cache"
    shutil.copytree(killed, cache)
    harm(only_folder(cache))
    continued = prepare(clips, name="x", cache_dir=cache, rate=RATE, workers=2, shard_size=shard_size)
    assert contents(continued.folder) == contents(store.folder)
    assert only_folder(cache) == continued.folder


def test_what_was_decoded_before_the_kill_is_not_decoded_again(
    killed: Path, clips: Sources, tmp_path: Path, shard_size: int
):
    """A journalled entry is believed: were its file read again, the mark put into it would be lost."""
    shutil.copytree(killed, tmp_path / "cache")
    journal = only_folder(tmp_path / "cache") / "journal.jsonl"
    lines = journal.read_text().splitlines()
    marked = [json.dumps(json.loads(line) | {"note": "from the journal"}) + "\n" for line in lines]
    journal.write_text("".join(marked))
    index = prepare(clips, name="x", cache_dir=tmp_path / "cache", rate=RATE, shard_size=shard_size).index
    assert (index["note"] == "from the journal").to_list() == [row < len(lines) for row in range(NUM)]


@pytest.mark.parametrize("name", ["samples-00000.i16", "about.json"])
def test_a_preparation_killed_while_it_compares_decodes_nothing_again(
    clips: Sources, store: Store, tmp_path: Path, name: str, shard_size: int
):
    paths = clips.table["path"].to_list()
    fatal = tmp_path / f"{store.folder.name}.partial" / name
    command = [sys.executable, "-c", DIE, str(tmp_path), str(fatal), str(shard_size), *paths]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    assert not (tmp_path / store.folder.name).exists()
    (fatal.parent / "pairs.arrow").write_text("half")
    again = subprocess.run(
        [sys.executable, "-c", HOLD, "go", str(tmp_path), str(shard_size), *paths],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert again.stdout.split()[:2] == ["0", str(tmp_path / store.folder.name)]
    assert contents(tmp_path / store.folder.name) == contents(store.folder)


def test_of_two_processes_one_makes_the_store_and_the_other_waits_for_it(clips: Sources, tmp_path: Path):
    def start(role: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, role, str(tmp_path), "3000", *clips.table["path"][:20]]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    with start("hold") as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "begun\n"
        with start("go") as waiter:
            assert waiter.stderr is not None
            assert select.select([waiter.stderr], [], [], 120)[0], "the second process neither waits nor ends"
            told = waiter.stderr.readline()
            made, _ = maker.communicate("go on\n", timeout=120)
            waited, _ = waiter.communicate(timeout=120)
    assert told.startswith("another process prepares ")
    opened, *result = made.split()
    assert opened == "20"
    assert waited.split() == ["0", *result]


def test_a_copy_that_agrees_is_no_matter_and_one_that_differs_is_an_error(tmp_path: Path, write_noise: WriteNoise):
    for name, seed in (("a", 1), ("same", 1), ("b", 2), ("other", 3)):
        write_noise(tmp_path / f"{name}.wav", seed=seed)
    soundfile.write(tmp_path / "same.flac", write_noise(tmp_path / "a.wav", seed=1), RATE)
    a, same, flac, b, other, none = (
        str(tmp_path / name) for name in ("a.wav", "same.wav", "same.flac", "b.wav", "other.wav", "none.wav")
    )
    table = pl.concat([clips_of(a, copies=[same, flac]).table, clips_of(b, copies=[other]).table])
    clips = Sources(pl.concat([table, clips_of(a, copies=[none]).table]))
    index = prepare(clips, name="x", cache_dir=tmp_path / "cache", rate=RATE).index
    assert index["error"].to_list() == [
        "",
        f"differs from the file of the same name at {other}; keep the right one of them",
        "cannot be opened: no such file or directory",
    ]
    assert index["length"].to_list() == [3200, 0, 0]


def test_a_file_whose_bytes_changed_under_its_old_stamp_is_found(tmp_path: Path, write_noise: WriteNoise):
    paths = [tmp_path / f"{number}.wav" for number in range(20)]
    for number, path in enumerate(paths):
        write_noise(path, seed=number)
    clips = whole_files(map(str, paths))
    store = prepare(clips, name="x", cache_dir=tmp_path / "cache", rate=RATE)
    assert changed_clips(store, clips) == []
    for number, change in ((3, 99), (17, 98)):
        stat = paths[number].stat()
        write_noise(paths[number], seed=change)
        os.utime(paths[number], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    paths[11].unlink()
    assert changed_clips(store, clips, workers=3) == [3, 11, 17]
    assert (
        prepare(whole_files(map(str, paths[:10])), name="y", cache_dir=tmp_path / "cache", rate=RATE).folder
        != store.folder
    )
