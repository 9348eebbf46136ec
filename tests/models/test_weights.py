"""Local weight files give timm's and torchvision's own features and logits; what is no plain weights is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import Tensor, nn

from ser_lightning.errors import UserError
from ser_lightning.models.backbone import create_backbone
from ser_lightning.models.weights import read_weights, to_timm_names

GREY = torch.randn(2, 1, 32, 64, generator=torch.Generator().manual_seed(0))
COLOUR = torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(1))
CLASSIFIER = {"resnet18": "fc", "efficientnet_b0": "classifier"}


def lived_in(model: nn.Module) -> nn.Module:
    """The model with batch-norm weights and statistics as after training, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.2, generator=generator)
            nn.init.normal_(module.running_mean, 0.0, 0.2, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 1.5, generator=generator)
    return model.eval()


def saved(model: nn.Module, path: Path) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_model(model, str(path))
    else:
        torch.save(model.state_dict(), path)
    return path


def loaded(name: str, path: Path, channels: int, **options) -> nn.Module:
    defaults = {"pretrained": False, "drop_path": 0.0, "bn_eps": None}
    backbone, _ = create_backbone(
        name, weights=str(path), image_shape=(channels, *GREY.shape[2:]), **(defaults | options)
    )
    return backbone.eval()


@torch.no_grad()
def logits_by_file(name: str, path: Path, classifier: str, **options) -> Tensor:
    """Our backbone's features, through the classifier that lies in the file."""
    tensors = read_weights(path)
    features = loaded(name, path, 3, **options)(COLOUR)
    return features @ tensors[f"{classifier}.weight"].T + tensors[f"{classifier}.bias"]


@pytest.fixture(scope="module", params=CLASSIFIER)
def timm_model(request) -> tuple[str, nn.Module]:
    torch.manual_seed(0)
    return request.param, lived_in(timm.create_model(request.param))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_timm_files_give_timms_logits(timm_model, suffix, tmp_path):
    name, model = timm_model
    path = saved(model, tmp_path / f"weights{suffix}")
    with torch.no_grad():
        expected = model(COLOUR)
    assert expected.std() > 1e-3
    torch.testing.assert_close(logits_by_file(name, path, CLASSIFIER[name]), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_one_channel_sees_what_three_equal_channels_saw(timm_model, suffix, tmp_path):
    # timm sums the first kernel over its channels: a grey image has the features of its copy in all three.
    name, model = timm_model
    path = saved(model, tmp_path / f"weights{suffix}")
    with torch.no_grad():
        features = loaded(name, path, 1)(GREY)
        expected = model.forward_head(model.forward_features(GREY.repeat(1, 3, 1, 1)), pre_logits=True)
    assert expected.std() > 1e-3
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)


def test_one_channel_is_timms_own_adaptation(timm_model, tmp_path):
    name, model = timm_model
    path = saved(model, tmp_path / "weights.pth")
    overlay = {"state_dict": model.state_dict()}
    own = timm.create_model(name, in_chans=1, num_classes=0, pretrained=True, pretrained_cfg_overlay=overlay).eval()
    with torch.no_grad():
        assert torch.equal(loaded(name, path, 1)(GREY), own(GREY))


@pytest.mark.parametrize(
    ("theirs", "name", "classifier"),
    [
        ("resnet18", "resnet18", "fc"),
        ("efficientnet_b0", "efficientnet_b0", "classifier.1"),
        ("mobilenet_v2", "mobilenetv2_100", "classifier.1"),
        pytest.param("efficientnet_b1", "efficientnet_b1.ft_in1k", "classifier.1", marks=pytest.mark.slow),
    ],
)
def test_torchvision_files_give_torchvisions_logits(theirs, name, classifier, tmp_path):
    torch.manual_seed(0)
    model = lived_in(getattr(torchvision.models, theirs)(weights=None))
    path = saved(model, tmp_path / "weights.pth")
    with torch.no_grad():
        expected = model(COLOUR)
    assert expected.std() > 1e-3
    torch.testing.assert_close(logits_by_file(name, path, classifier), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_large_torchvision_file_gives_its_logits_with_its_epsilon(tmp_path):
    torch.manual_seed(0)
    model = lived_in(torchvision.models.efficientnet_b5(weights=None))
    path = saved(model, tmp_path / "weights.pth")
    with torch.no_grad():
        expected = model(COLOUR)
    given = logits_by_file("efficientnet_b5", path, "classifier.1", bn_eps=1e-3)
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-5)


LARGE = [
    "efficientnet_b5",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("efficientnet_b6", "efficientnet_b7")),
]


@pytest.mark.parametrize("name", LARGE)
def test_large_torchvision_files_need_their_epsilon(name):
    with torch.device("meta"):
        model = getattr(torchvision.models, name)(weights=None)
        names = timm.create_model(name).state_dict().keys()
    with pytest.raises(UserError, match=rf"{name} with a batch-norm epsilon of 0\.001; set model\.bn_eps=0\.001"):
        to_timm_names(model.state_dict(), name, bn_eps=None)
    assert to_timm_names(model.state_dict(), name, bn_eps=1e-3).keys() == names


def test_timm_names_are_left_alone(timm_model):
    name, model = timm_model
    tensors = model.state_dict()
    assert to_timm_names(tensors, name, bn_eps=None) is tensors


def test_a_file_may_have_other_classes_or_none(tmp_path):
    torch.manual_seed(0)
    model = lived_in(timm.create_model("test_resnet", num_classes=7))
    whole = loaded("test_resnet", saved(model, tmp_path / "seven.pth"), 1)
    model.reset_classifier(0)
    bare = loaded("test_resnet", saved(model, tmp_path / "bare.safetensors"), 1)
    with torch.no_grad():
        assert torch.equal(whole(GREY), bare(GREY))
        torch.testing.assert_close(whole(GREY), model(GREY.repeat(1, 3, 1, 1)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_a_training_checkpoint_is_read_at_its_weights(key, tmp_path):
    torch.manual_seed(0)
    model = lived_in(timm.create_model("test_resnet"))
    prefixed = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({key: prefixed, "epoch": 3}, tmp_path / "checkpoint.pth")
    bare = saved(model, tmp_path / "bare.pth")
    with torch.no_grad():
        given = loaded("test_resnet", tmp_path / "checkpoint.pth", 1)(GREY)
        assert torch.equal(given, loaded("test_resnet", bare, 1)(GREY))


def test_a_transformers_positions_are_resampled(tmp_path):
    torch.manual_seed(0)
    model = timm.create_model("test_vit").eval()  # made for 160 x 160
    backbone = loaded("test_vit", saved(model, tmp_path / "weights.pth"), 1)
    kernel = model.patch_embed.proj.weight
    torch.testing.assert_close(backbone.patch_embed.proj.weight, kernel.sum(1, keepdim=True))
    assert model.pos_embed.shape[1] == 1 + 10 * 10
    assert backbone.pos_embed.shape[1] == 1 + 2 * 4
    assert torch.equal(backbone.blocks[0].attn.qkv.weight, model.blocks[0].attn.qkv.weight)


def test_a_home_directory_is_found(tmp_path, monkeypatch):
    model = lived_in(timm.create_model("test_resnet"))
    saved(model, tmp_path / "weights.pth")
    monkeypatch.setenv("HOME", str(tmp_path))
    backbone = loaded("test_resnet", Path("~/weights.pth"), 3)
    with torch.no_grad():
        torch.testing.assert_close(model.fc(backbone(COLOUR)), model(COLOUR), rtol=1e-5, atol=1e-5)


# What does not fit.


def another(path: Path, name: str) -> Path:
    return saved(getattr(torchvision.models, name)(weights=None), path)


def test_a_file_of_another_timm_network_is_refused(tmp_path):
    path = saved(timm.create_model("test_resnet"), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"weights\.pth does not fit resnet18: Error\(s\) in loading state_dict"):
        loaded("resnet18", path, 1)


def test_a_file_without_one_of_its_tensors_is_refused(tmp_path):
    tensors = timm.create_model("test_resnet").state_dict()
    del tensors["bn1.running_mean"]
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="does not fit test_resnet"):
        loaded("test_resnet", tmp_path / "weights.pth", 1)


@pytest.mark.parametrize("theirs", ["mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1"])
def test_a_torchvision_file_of_another_network_is_refused(theirs, tmp_path):
    path = another(tmp_path / "weights.pth", theirs)
    with pytest.raises(UserError, match=r"model\.weights.*efficientnet_b0"):
        loaded("efficientnet_b0", path, 1)


def test_options_that_the_network_lacks_are_told_without_the_tensors(tmp_path):
    path = saved(timm.create_model("test_resnet"), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"cannot be built with .*bn_eps") as caught:
        loaded("test_resnet", path, 1, bn_eps=1e-3)
    assert "tensor(" not in str(caught.value)


# What is no plain weights.


class Code:
    """Pickles as a call that makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_code_in_a_torch_file_is_not_run(tmp_path):
    torch.save({"weight": Code(tmp_path / "ran")}, tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"holds no plain weights, it was not loaded: .*mkdir") as caught:
        read_weights(tmp_path / "weights.pth")
    assert "weights_only=False" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "weights.pth", weights_only=False)  # the file is what it says: this runs it
    assert (tmp_path / "ran").is_dir()


# torch warns of the pickle's protocol before it refuses the pickle.
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_code_in_a_bare_pickle_is_not_run(tmp_path):
    (tmp_path / "weights.pth").write_bytes(pickle.dumps({"weight": Code(tmp_path / "ran")}))
    with pytest.raises(UserError, match="holds no plain weights, it was not loaded"):
        read_weights(tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_a_whole_pickled_model_is_refused(tmp_path):
    torch.save(timm.create_model("test_resnet"), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"not loaded: .*timm\.models\.resnet"):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize("path", ["nowhere.pth", "", "."])
def test_a_missing_file_is_named(path, tmp_path):
    with pytest.raises(UserError, match=r"must be a file of weights .* does not exist"):
        read_weights(tmp_path / path)


PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.bin"])
@pytest.mark.parametrize("content", [PAGE, POINTER, b"", b"\x00" * 64, b"PK\x03\x04 no archive"])
def test_what_is_no_weights_at_all_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"holds no plain weights, it was not loaded: .") as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_file_is_refused(suffix, tmp_path):
    path = saved(timm.create_model("test_resnet"), tmp_path / f"weights{suffix}")
    path.write_bytes(path.read_bytes()[:-10_000])
    with pytest.raises(UserError, match="holds no plain weights"):
        read_weights(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, {"a": torch.ones(2), "b": 3}])
def test_a_file_must_hold_tensors_by_name(content, tmp_path):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="must hold tensors by name"):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize("content", [[1, 2], torch.ones(3), {"state_dict": [1]}], ids=["list", "tensor", "nested list"])
def test_a_file_of_something_else_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="holds no plain weights"):
        read_weights(tmp_path / "weights.pth")
