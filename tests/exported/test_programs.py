"""What is written to disk and read back says what the model says; so do 8 bits, nearly."""

import json
import logging

import numpy as np
import onnx
import pytest
import soundfile
import torch

from ser_lightning.data.audio import Clip, read_clip
from ser_lightning.errors import RunFailedError
from ser_lightning.exported.model import WaveModel
from ser_lightning.exported.parity import Compared, as_wave, compared, largest_difference, made_sounds, said
from ser_lightning.exported.programs import (
    METADATA,
    export_program,
    onnx_session,
    run_onnx,
    run_torch,
    told,
    write_onnx,
    write_torch,
)
from ser_lightning.exported.quantized import quantize

ABOUT = {"labels": '["ängstlich"]', "sample_rate": "16000"}


@pytest.fixture(scope="module")
def trained(untrained):
    return untrained()


@pytest.fixture(scope="module")
def files(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    program = export_program(WaveModel(trained))
    write_onnx(program, folder / "m.onnx", ABOUT)
    write_torch(program, folder / "m.pt2", ABOUT)
    return folder


@pytest.mark.parametrize("time", [1, 800, 4800, 6400, 6401, 16640])
@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_clips_of_any_length(files, trained, waves, batch, time):
    wave = waves(batch, time)
    expected = said(trained, wave)
    assert expected.max() > 0.3
    for run in (run_onnx(files / "m.onnx"), run_torch(files / "m.pt2")):
        np.testing.assert_allclose(run(wave), expected, atol=1e-4)


def test_input_output_and_metadata_are_in_the_file(files):
    session = onnx_session(files / "m.onnx")
    [given], [made] = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, len(given.shape)) == ("wave", "tensor(float)", 2)
    assert (made.name, made.type, made.shape[1]) == ("probabilities", "tensor(float)", 4)
    assert session.get_modelmeta().custom_metadata_map == ABOUT
    extra = {METADATA: ""}
    torch.export.load(files / "m.pt2", extra_files=extra)
    assert json.loads(extra[METADATA]) == ABOUT


def test_the_graph_is_of_standard_operations_alone(files):
    model = onnx.load(files / "m.onnx")
    onnx.checker.check_model(model)
    assert {node.domain for node in model.graph.node} == {""}
    assert "STFT" in {node.op_type for node in model.graph.node}


def test_8_bits_are_of_the_network_alone(files, trained, tmp_path):
    quantize(files / "m.onnx", tmp_path / "q.onnx")
    what = compared(trained, made_sounds(16000))
    assert 1e-4 < largest_difference(run_onnx(tmp_path / "q.onnx"), what) < 0.2
    assert (tmp_path / "q.onnx").stat().st_size < 0.5 * (files / "m.onnx").stat().st_size
    names = {initializer.name for initializer in onnx.load(tmp_path / "q.onnx").graph.initializer}
    assert "frontend.mel.mel_scale.fb" in names
    assert not any(name.startswith("frontend") and "quantized" in name for name in names)


def test_another_weight_is_found_and_nothing_is_no_number(files, trained):
    what = compared(trained, made_sounds(16000))
    assert len(what.waves) == 9
    assert largest_difference(run_onnx(files / "m.onnx"), what) < 1e-4
    bias = trained.network.head[-1].bias
    before = bias.detach().clone()
    with torch.no_grad():
        bias[0] += 0.01
    try:
        assert largest_difference(run_onnx(files / "m.onnx"), compared(trained, made_sounds(16000))) > 1e-4
    finally:
        with torch.no_grad():
            bias.copy_(before)
    wrong = Compared([what.waves[0]], [np.full_like(what.expected[0], np.nan)])
    assert largest_difference(run_onnx(files / "m.onnx"), wrong) == float("inf")


def test_what_cannot_be_exported_is_told_in_one_message():
    class Odd(torch.nn.Module):
        window = 10

        def forward(self, wave):
            return wave if wave.sum() > 0 else -wave

    with pytest.raises(RunFailedError, match=r"torch\.export cannot take this network: .*; try another backbone"):
        export_program(Odd())
    with pytest.raises(RunFailedError, match="x cannot take this network: KeyError"), told("x"):
        raise KeyError
    assert logging.root.manager.disable == 0


@pytest.mark.slow
def test_a_hundred_real_clips_of_several_rates(files, trained, shared_corpora):
    every = [*shared_corpora("RAVDESS").rglob("*.*"), *shared_corpora("TESS").rglob("*.*")]
    by_rate: dict[int, list[Clip]] = {}
    for path in sorted(every):
        rate = soundfile.info(path).samplerate
        if len(by_rate.setdefault(rate, [])) < 33:
            by_rate[rate].append(read_clip(path, 16000))
    assert {rate: len(clips) for rate, clips in by_rate.items()} == {16000: 33, 24414: 33, 48000: 33, 96000: 1}
    waves = [as_wave(clip.samples[None]) for clips in by_rate.values() for clip in clips]
    what = Compared(waves, [said(trained, wave) for wave in waves])
    assert len(what.expected) == 100
    for run in (run_onnx(files / "m.onnx"), run_torch(files / "m.pt2")):
        assert largest_difference(run, what) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["efficientnet_b0", "resnet18"])
def test_the_usual_backbones(untrained, waves, tmp_path, backbone):
    trained = untrained(backbone, window_seconds=1.0)
    program = export_program(WaveModel(trained))
    write_onnx(program, tmp_path / "m.onnx", ABOUT)
    write_torch(program, tmp_path / "m.pt2", ABOUT)
    for run in (run_onnx(tmp_path / "m.onnx"), run_torch(tmp_path / "m.pt2")):
        for batch, time in ((1, 4800), (1, 16000), (3, 41600)):
            wave = waves(batch, time)
            np.testing.assert_allclose(run(wave), said(trained, wave), atol=1e-4)
