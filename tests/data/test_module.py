"""Batches are the same to the last bit, wherever the samples lie and whoever gathers them; and steps ask nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import pytorch_lightning
import torch

from ser_lightning.augment.pipeline import Augment
from ser_lightning.augment.spectrum import SpecAugment
from ser_lightning.augment.wave import Gain, Noise, Shift
from ser_lightning.data.batch import Batch, Images, Places
from ser_lightning.data.module import SpeechData
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import Store, prepare
from ser_lightning.frontend.frontend import Frontend

RATE = 8000
NUM = 23
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, write_noise: Callable[..., object]) -> Store:
    folder = tmp_path_factory.mktemp("module")
    paths = [folder / f"{number}.wav" for number in range(NUM)]
    for number, path in enumerate(paths):
        write_noise(path, seed=number, seconds=0.1 + 0.05 * number, rate=RATE)
    return prepare(whole_files(map(str, paths)), name="x", cache_dir=folder / "cache", rate=RATE)


def module(store: Store, **options: object) -> SpeechData:
    """Half a second of some of the clips, augmented in every way, set up on the CPU as a training sets it up."""
    parts = ["train"] * 17 + ["val"] * 4 + ["test"] * 2
    table = store.index.with_columns(part=pl.Series(parts))
    augment = Augment(
        wave={
            "shift": Shift(seconds=0.1, sample_rate=RATE),
            "gain": Gain(low_db=-6.0, high_db=6.0),
            "noise": Noise(probability=0.5, low_snr_db=0.0, high_snr_db=20.0, bank_size=9999),
        },
        spectrum={"mask": SpecAugment(num_mel_masks=1, mel_width=4, num_frame_masks=1, frame_width=9)},
    )
    frontend = Frontend(sample_rate=RATE, n_fft=256, win_length=256, n_mels=16)
    targets = np.eye(3, dtype=np.float32)[np.arange(NUM) % 3]
    made = SpeechData(table, store, targets, frontend, augment, seed=5, batch_size=4, window_seconds=0.5, **options)
    made.trainer = pytorch_lightning.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    made.setup("fit")
    return made


def epochs(data: SpeechData) -> list[tuple[Batch, Images]]:
    """All that two training epochs and the validation give, before and after the transform."""
    train, val = data.train_dataloader(), data.val_dataloader()
    found = []
    for loader, training, epoch in ((train, True, 0), (train, True, 1), (val, False, 0)):
        loader.sampler.set_epoch(epoch) if training else None
        there = [data.transfer_batch_to_device(batch, CPU, 0) for batch in loader]
        assert len(there) == len(loader)
        found += [(batch, data.images(batch, training=training)) for batch in there]
    return found


@pytest.mark.parametrize("options", [{"resident": True}, {"workers": 2}, {"resident": True, "workers": 2}], ids=str)
def test_the_samples_place_and_the_workers_change_no_bit(store: Store, options: dict[str, object]):
    expected = epochs(module(store, resident=False, workers=0))
    got = epochs(module(store, **{"resident": False} | options))
    assert len(got) == len(expected) == 4 + 4 + 3
    for (batch, images), (other, other_images) in zip(got, expected, strict=True):
        assert torch.equal(batch.wave, other.wave)
        assert batch.facts.epoch == other.facts.epoch
        for field, same in zip((*batch.facts[:4], *images), (*other.facts[:4], *other_images), strict=True):
            assert torch.equal(field, same)


def test_a_batch_holds_the_clips_samples_and_zeros_after_them(store: Store):
    data = module(store, resident=False)
    seen = 0
    for batch in data.val_dataloader():
        for wave, length, clip in zip(batch.wave, batch.facts.length, batch.facts.clip, strict=True):
            offset, whole = (int(store.index[name][int(clip)]) for name in ("offset", "length"))
            samples = store.samples.read(offset, whole)
            assert any(
                np.array_equal(wave[:length], samples[start : start + int(length)]) for start in range(0, whole, 4000)
            )
            assert not wave[length:].any()
            seen += 1
    assert seen == sum(-(-int(length) // 4000) for length in store.index["length"][17:21])


def test_resident_samples_send_places_only(store: Store):
    batch = next(iter(module(store, resident=True).train_dataloader()))
    assert isinstance(batch, Places)
    assert (batch.start.dtype, len(batch.start)) == (torch.int64, 4)


def test_auto_leaves_a_cpus_samples_in_the_memory_map(store: Store):
    data = module(store)
    assert data.samples is None
    assert isinstance(next(iter(data.train_dataloader())), Batch)


def test_a_store_is_copied_whole_whatever_the_piece(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ser_lightning.data.resident.PIECE", 1000)
    samples = module(store, resident=True).samples
    assert samples is not None
    np.testing.assert_array_equal(samples.numpy(), store.samples.flat)


def test_epochs_differ_and_come_back(store: Store, tmp_path: Path):
    loader = module(store, resident=False).train_dataloader()
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append(torch.cat([batch.facts.clip for batch in loader]).tolist())
    assert orders[0] == orders[2] != orders[1]
