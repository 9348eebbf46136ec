"""Training steps: the device is never asked, clipping is exact, and compiled steps learn what others learn."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import pytorch_lightning
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ser_lightning.build import build_data, build_training
from ser_lightning.config import plain
from ser_lightning.progress_bar import LossBar
from ser_lightning.run import quieten
from ser_lightning.train import train

ASKS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique", "_unique2"}
"""Operations for which the host waits until the device has an answer; an index by a mask is a `nonzero` too."""


class Asked(TorchDispatchMode):
    """Counts operations while it listens."""

    def __init__(self) -> None:
        super().__init__()
        self.listens = False
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if self.listens:
            self.seen[func.overloadpacket.__name__] += 1
            masks = [part for arg in args if isinstance(arg, (list, tuple)) for part in arg]
            if func.overloadpacket.__name__.startswith("index") and any(
                isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in masks
            ):
                self.seen["nonzero"] += 1
        return func(*args, **(kwargs or {}))


class Listening(pytorch_lightning.Callback):
    """From the second batch of an epoch to its last: what happens once an epoch may ask."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx):
        self.asked.listens = batch_idx < trainer.num_training_batches - 1


class Losses(pytorch_lightning.Callback):
    """The loss of every step."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx):
        self.seen.append(outputs["loss"].item())


def composed(arguments: list[str]):
    from hydra import compose, initialize_config_dir

    from ser_lightning.cli import conf_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return plain(compose("train", arguments))


def test_the_bar_shows_the_loss(tiny_arguments, tone_corpus, tmp_path: Path):
    quieten()
    config = composed([*tiny_arguments(tone_corpus, tmp_path), "trainer.max_epochs=1"])
    task, module, trainer, _ = build_training(config, build_data(config), tmp_path / "run")
    screen, losses = io.StringIO(), Losses()
    trainer.callbacks += [LossBar(stderr=False, file=screen, force_terminal=True, width=200), losses]
    trainer.fit(task, datamodule=module)
    assert len(losses.seen) >= 4
    assert f"loss: {losses.seen[-1]:.3f}" in re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())


@pytest.mark.parametrize("resident", ["true", "false"])
def test_no_step_waits_for_the_device(tiny_arguments, tone_corpus, tmp_path: Path, resident: str):
    quieten()
    config = composed(
        [*tiny_arguments(tone_corpus, tmp_path, f"data.resident={resident}"), "trainer.precision=bf16-mixed"]
    )
    data = build_data(config)
    task, module, trainer, _ = build_training(config, data, tmp_path / "run")
    asked = Asked()
    trainer.callbacks.append(Listening(asked))
    with asked:
        trainer.fit(task, datamodule=module)
    # The listening worked: it heard convolutions, the spectrum's transform and the optimizer of several steps.
    assert min(asked.seen[name] for name in ("convolution", "_fft_r2c", "_fused_adamw_")) >= 4
    assert {name: asked.seen[name] for name in ASKS if asked.seen[name]} == {}


@pytest.mark.parametrize("limit", [1e-3, 1e9])
def test_gradients_are_clipped_to_the_norm(tiny_arguments, tone_corpus, tmp_path: Path, limit: float):
    config = composed(tiny_arguments(tone_corpus, tmp_path))
    task, _, trainer, _ = build_training(config, build_data(config), tmp_path / "run")
    task.trainer = trainer
    generator = torch.Generator().manual_seed(0)
    for parameter in task.network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    before = torch.cat([parameter.grad.flatten() for parameter in task.network.parameters()])
    task.configure_gradient_clipping(torch.optim.AdamW(task.network.parameters(), fused=True), limit)
    after = torch.cat([parameter.grad.flatten() for parameter in task.network.parameters()])
    torch.testing.assert_close(after, before * min(1.0, limit / float(before.norm())), rtol=1e-4, atol=1e-9)


def test_where_the_samples_lie_changes_no_digit_of_a_run(
    tiny_arguments, tone_corpus, tiny_run, tmp_path: Path, run_job
):
    for name, options in {"resident": ["data.resident=true"], "workers": ["data.workers=2"]}.items():
        arguments = tiny_arguments(tone_corpus, tiny_run.parent, f"hydra.run.dir={tmp_path / name}", *options)
        assert run_job(train, "train", arguments).code == 0
        for file in ("log.csv", *(f"predictions/{part}.csv" for part in ("train", "val", "test"))):
            assert (tmp_path / name / file).read_bytes() == (tiny_run / file).read_bytes()


def test_every_run_tells_the_share_of_input(tiny_run):
    times = pl.read_csv(tiny_run / "timing.csv")
    assert times.columns == ["epoch", "train_seconds", "val_seconds", "input_share"]
    assert times["input_share"].is_between(0, 1).to_list() == [True, True]


@pytest.mark.slow
def test_compiled_steps_learn_what_others_learn(tiny_arguments, tone_corpus, tiny_run, tmp_path: Path, run_job):
    arguments = tiny_arguments(tone_corpus, tiny_run.parent, "trainer.compile=default", "model.dropout=0")
    plainly = tiny_arguments(tone_corpus, tiny_run.parent, "model.dropout=0")
    logs = []
    for name, overrides in (("compiled", arguments), ("plain", plainly)):
        assert run_job(train, "train", [*overrides, f"hydra.run.dir={tmp_path / name}"]).code == 0
        logs.append(pl.read_csv(tmp_path / name / "log.csv")["train_loss"].to_numpy())
    np.testing.assert_allclose(logs[0], logs[1], rtol=1e-3)


@pytest.mark.slow
def test_a_network_that_cannot_be_compiled_is_one_message(
    tiny_arguments, tone_corpus, tiny_run, tmp_path: Path, run_job, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, "/no/such/compiler"))
    arguments = tiny_arguments(tone_corpus, tiny_run.parent, "trainer.compile=default", "trainer.max_epochs=1")
    done = run_job(train, "train", [*arguments, f"hydra.run.dir={tmp_path / 'run'}"])
    assert done.code == 1
    assert "torch cannot compile the network here: InvalidCxxCompiler" in done.err
    assert "trainer.compile=null trains without" in done.err
    assert "Traceback" not in done.err
