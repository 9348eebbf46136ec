"""A trained model is what its checkpoint describes, and predicts what the run predicted; anything else is refused."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml

from ser_lightning.build import build_data
from ser_lightning.data.store import Store
from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.learned_labels import learned_label_set
from ser_lightning.recognition.checkpoint import Trained, load_trained
from ser_lightning.recognition.device import choose_device
from ser_lightning.run_names import CHECKPOINT
from ser_lightning.schema import targets_within
from ser_lightning.trained import kind_of, predict_run, predict_trained, training_batch_size

CPU = torch.device("cpu")
LABELS = ["p_angry", "p_sad", "p_neutral"]


@pytest.fixture(scope="module")
def data(tiny_run):
    return build_data(yaml.safe_load((tiny_run / "config.yaml").read_text()))


@pytest.fixture
def changed(tiny_run, tmp_path):
    """A copy of the run whose checkpoint a function has changed."""

    def change(alter) -> Path:
        checkpoint = torch.load(tiny_run / CHECKPOINT, weights_only=True)
        alter(checkpoint)
        (tmp_path / "checkpoints").mkdir()
        torch.save(checkpoint, tmp_path / CHECKPOINT)
        return tmp_path

    return change


def test_a_trained_model_is_what_its_checkpoint_says(tiny_run):
    about = torch.load(tiny_run / CHECKPOINT, weights_only=True)["recognizer"]
    trained = load_trained(tiny_run)
    assert trained.labels == ("angry", "sad", "neutral")
    assert about["emotions"] == {"angry": "angry", "sad": "sad", "neutral": "neutral"}
    assert (trained.sample_rate, trained.window_seconds) == (16000, 0.4)
    assert trained.temperature == about["temperature"]
    assert trained.frontend.n_mels == about["frontend"]["n_mels"]
    assert not trained.network.training


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_predictions_are_those_of_the_run(tiny_run, data, part):
    saved = read_predictions(tiny_run / "predictions" / f"{part}.csv")
    table = data.table.filter(pl.col("part") == part)
    found = predict_run(tiny_run, table, data.clips.store, device=CPU, batch_size=8)
    assert table["clip"].to_list() == saved["clip"].to_list()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, saved.select(LABELS).to_numpy())


def test_predictions_are_in_the_order_of_the_rows(tiny_run, data):
    trained = load_trained(tiny_run)
    table = data.table.sample(12, seed=3, shuffle=True)
    found = predict_trained(trained, table, data.clips.store, device=CPU, batch_size=5)
    one_by_one = [
        predict_trained(trained, table[row : row + 1], data.clips.store, device=CPU, batch_size=1) for row in range(12)
    ]
    np.testing.assert_allclose(found, np.concatenate(one_by_one), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)


def test_the_batch_is_that_of_the_training_where_none_is_given(tiny_run, data, tmp_path):
    assert training_batch_size(tiny_run) == 8
    table = data.table.filter(pl.col("part") == "test")
    found = predict_run(tiny_run, table, data.clips.store, device=CPU, batch_size=None)
    saved = read_predictions(tiny_run / "predictions" / "test.csv").select(LABELS).to_numpy()
    np.testing.assert_array_equal(found, saved)
    (tmp_path / "config.yaml").write_text("name: mine\n")
    with pytest.raises(UserError, match=r"config.yaml does not say data.batch_size; give batch_size="):
        training_batch_size(tmp_path)


def test_audio_of_another_rate_is_refused(tiny_run, data):
    store = data.clips.store
    slow = Store(store.folder, 8000, store.samples, store.index, store.pairs)
    with pytest.raises(UserError, match="trained at 16000 Hz, the audio is prepared at 8000 Hz"):
        predict_run(tiny_run, data.table, slow, device=CPU, batch_size=8)


def pop(*keys):
    def alter(checkpoint):
        node = checkpoint
        for key in keys[:-1]:
            node = node[key]
        node.pop(keys[-1])

    return alter


def put(value, *keys):
    def alter(checkpoint):
        node = checkpoint
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return alter


HEAD = "network.head.0.bias"
WRONG = {
    "no description": (pop("recognizer"), "no checkpoint of ser_lightning"),
    "no state": (pop("state_dict"), "no checkpoint of ser_lightning"),
    "description of another kind": (put(["labels"], "recognizer"), "must hold the description of a model"),
    "a later format": (put(2, "recognizer", "format"), "recognizer.format=2: input should be 1"),
    "no temperature": (pop("recognizer", "temperature"), "recognizer.temperature: must be set"),
    "temperature of 0": (put(0.0, "recognizer", "temperature"), "recognizer.temperature=0.0"),
    "one class": (put(["sad"], "recognizer", "labels"), "recognizer.labels"),
    "tensor as a rate": (put(torch.zeros(1), "recognizer", "sample_rate"), "must hold plain values"),
    "unknown key": (put(1, "recognizer", "colour"), "recognizer.colour: no such key"),
    "unknown frontend key": (put(1, "recognizer", "frontend", "n_mel"), "frontend.n_mel: no such key; did you mean"),
    "unknown backbone": (put("resnet180", "recognizer", "network", "backbone"), "timm has no model 'resnet180'"),
    "backbone of a stranger's hub": (
        put("hf-hub:stranger/model", "recognizer", "network", "backbone"),
        "timm has no model",
    ),
    "weights from a file": (put("/etc/x.pth", "recognizer", "network", "weights"), "network.weights: no such key"),
    "pretrained weights": (put(True, "recognizer", "network", "pretrained"), "network.pretrained: no such key"),
    "something to import": (
        put({"_target_": "os.system"}, "recognizer", "frontend", "n_fft"),
        "recognizer names os.system, and nothing that a checkpoint names is built",
    ),
    "a tensor less": (pop("state_dict", HEAD), f"lacks {HEAD}"),
    "a tensor more": (put(torch.zeros(2), "state_dict", "network.tail"), "has, unknown to this network, network.tail"),
    "a frontend's tensor less": (pop("state_dict", "frontend.mel.mel_scale.fb"), "lacks frontend.mel.mel_scale.fb"),
    "another shape": (put(torch.zeros(2), "state_dict", HEAD), f"has in another shape {HEAD}"),
    "another network": (
        put("test_efficientnet", "recognizer", "network", "backbone"),
        "not of the network that it describes",
    ),
    "words among the tensors": (put("word", "state_dict", HEAD), "state_dict must hold tensors by name"),
    "a network for other images": (put("test_vit", "recognizer", "network", "backbone"), "takes no images of 64 x 41"),
    "another number of mel bins": (put(32, "recognizer", "frontend", "n_mels"), "frontend.mel.mel_scale.fb"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_is_not_ours_is_told(name, changed):
    alter, message = WRONG[name]
    with pytest.raises(UserError) as told:
        load_trained(changed(alter))
    assert message in str(told.value)
    assert "best.ckpt" in str(told.value)


def test_what_belongs_to_training_is_not_needed(tiny_run, changed):
    def strip(checkpoint):
        state = checkpoint["state_dict"]
        kept = {name: value for name, value in state.items() if name.startswith(("network.", "frontend."))}
        checkpoint["state_dict"] = kept | {"loss.other": torch.zeros(1)}

    stripped, whole = load_trained(changed(strip)), load_trained(tiny_run)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(stripped.network.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("content", [b"", b"words\n", b"PK\x03\x04 no zip", b"\x80\x04cos\nsystem\n."])
def test_a_file_that_is_no_checkpoint_is_told(content, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(UserError, match="is no checkpoint of plain values and tensors, it was not loaded"):
        load_trained(tmp_path)


def test_a_pickle_with_code_is_not_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    (tmp_path / "checkpoints").mkdir()
    torch.save({"recognizer": Trap(), "state_dict": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match="was not loaded"):
        load_trained(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_folder_without_checkpoint_is_told(tmp_path):
    with pytest.raises(UserError, match=r"best.ckpt is not there; name the directory of a run that was trained"):
        load_trained(tmp_path)


def test_a_cut_checkpoint_is_told(tiny_run, tmp_path):
    shutil.copytree(tiny_run / "checkpoints", tmp_path / "checkpoints")
    content = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="is no checkpoint"):
        load_trained(tmp_path)


def test_a_network_of_random_weights_predicts_by_its_temperature(tiny_run, data):
    """With T = 2 the log odds of one clip are half of those with T = 1."""
    trained = load_trained(tiny_run)
    table = data.table[:3]

    def log_odds(temperature):
        made = Trained(
            trained.labels,
            trained.sample_rate,
            trained.window_seconds,
            temperature,
            trained.network,
            trained.frontend,
        )
        p = predict_trained(made, table, data.clips.store, device=CPU, batch_size=8)
        return np.log(p[:, 0] / p[:, 1])

    np.testing.assert_allclose(log_odds(2.0), log_odds(1.0) / 2, rtol=1e-5)


def test_targets_are_found_at_any_depth():
    assert targets_within({"a": [{"b": {"_target_": "x.y", "c": ({"_target_": "z"},)}}], "d": "_target_"}) == {
        "x.y",
        "z",
    }
    assert targets_within(None) == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there():
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(UserError, match="device=gpu needs a GPU"):
        choose_device("gpu")


def test_the_learned_label_set_is_that_of_the_training():
    assert (
        learned_label_set("paper7", ["angry", "fear", "disgust", "sad", "surprise", "happy", "calm"]).mapping["neutral"]
        == "calm"
    )
    own = learned_label_set({"loud": ["Anger", "ironic"], "soft": "sad"}, ["loud", "soft"])
    assert own.mapping == {"angry": "loud", "ironic": "loud", "sad": "soft"}
    assert learned_label_set("native", ["sad", "ironic"]).labels == ("sad", "ironic")


def test_a_label_set_of_other_classes_is_told():
    with pytest.raises(
        UserError, match="label_set=big4 gives the classes angry, happy, neutral, sad, but the model has"
    ):
        learned_label_set("big4", ["angry", "sad"])
    with pytest.raises(UserError, match="none of the label sets"):
        learned_label_set(7, ["angry", "sad"])


def test_the_kind_of_a_run_is_told_without_its_weights(tiny_run, tmp_path):
    assert kind_of(tiny_run) == (("angry", "sad", "neutral"), 16000)
    with pytest.raises(UserError, match=r"best\.ckpt is not there"):
        kind_of(tmp_path)
