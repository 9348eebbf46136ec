"""timm backbones: any of them by name, with its weights, for images of one channel or three.

The only place, with `weights`, that knows timm. ImageNet weights have three input channels; timm sums them into one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, cast

import huggingface_hub
import huggingface_hub.errors
import timm
import torch
from pydantic import AfterValidator
from torch import nn

from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.models.weights import read_weights, to_timm_names

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What a model's weights are called on the hub, in timm's order."""


def check_backbone(name: str) -> str:
    """The name, if timm has such a model; raises UserError."""
    base = name.split(".")[0]
    if not timm.is_model(base):
        raise UserError(f"timm has no model '{name}'{did_you_mean(base, timm.list_models()) or ''}")
    tags = timm.list_pretrained(f"{base}.*") if "." in name else [name]
    if name not in tags:
        raise UserError(f"timm has no weights '{name}'{did_you_mean(name, tags)}")
    return name


BackboneName = Annotated[str, AfterValidator(check_backbone)]


def create_backbone(
    name: str,
    *,
    pretrained: bool,
    weights: str | None,
    image_shape: tuple[int, int, int],
    drop_path: float,
    bn_eps: float | None,
) -> tuple[nn.Module, int]:
    """A backbone that gives globally average-pooled features, and their number.

    `pretrained` loads ImageNet-1k weights through timm's hub, `weights` a local file. `image_shape` is channels,
    height, width. Raises UserError where the weights are out of reach or do not fit, or the images do not.
    """
    options: dict[str, Any] = {"in_chans": image_shape[0]}
    if drop_path:
        options["drop_path_rate"] = drop_path
    if bn_eps is not None:
        options["bn_eps"] = bn_eps
    if _timm_config(name).fixed_input_size:
        options["img_size"] = image_shape[1:]
    if weights is not None:
        backbone = _from_file(name, Path(weights).expanduser(), options, bn_eps)
    elif pretrained:
        backbone = _from_hub(name, options)
    else:
        backbone = _created(name, options)
    try:
        cast("Any", backbone).reset_classifier(0, "avg")
    except (AttributeError, TypeError, AssertionError, ValueError) as error:
        raise UserError(
            f"model.backbone={name} gives no globally average-pooled features: {_reason(error)}; choose another"
        ) from error
    return backbone, _num_features(backbone, name, image_shape)


def _created(name: str, options: dict[str, Any], **loading: Any) -> nn.Module:
    try:
        model: nn.Module = timm.create_model(name, **options, **loading)
    except (TypeError, AssertionError, ValueError) as error:
        raise UserError(f"model.backbone={name} cannot be built with {options}: {error}") from error
    return model


def _from_hub(name: str, options: dict[str, Any]) -> nn.Module:
    try:
        _check_hub(name)
        return _created(name, options, pretrained=True)
    except UserError:
        raise
    except RuntimeError as error:
        raise UserError(
            f"timm has no pretrained weights for {name}: {_reason(error)}; set model.pretrained=false"
        ) from error
    except Exception as error:  # the hub's HTTP client (requests, httpx, httpx2: by its version) raises its own
        raise UserError(
            f"the ImageNet weights of {name} cannot be downloaded ({_reason(error)}); with a network try again, "
            "without one give a local file: model.weights=FILE (.safetensors or .pth), or train from scratch: "
            "model.pretrained=false"
        ) from error


def _check_hub(name: str) -> None:
    """Ask the hub once, where the weights are not in its cache: the download itself would retry for a minute."""
    repository = _timm_config(name).hf_hub_id
    if not repository:
        return
    cached = (huggingface_hub.try_to_load_from_cache(repository, file) for file in HUB_FILES)
    if not any(isinstance(path, str) for path in cached):
        with contextlib.suppress(huggingface_hub.errors.EntryNotFoundError):  # timm then asks for the second
            huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(repository, HUB_FILES[0]))


def _from_file(name: str, path: Path, options: dict[str, Any], bn_eps: float | None) -> nn.Module:
    tensors = to_timm_names(read_weights(path), name, bn_eps=bn_eps)
    classifier = _timm_config(name).classifier
    head = tensors.get(f"{classifier if isinstance(classifier, str) else ''}.weight")
    num_classes = 0 if head is None else head.shape[0]
    overlay = {"state_dict": tensors, "num_classes": num_classes}
    try:
        return _created(name, options, num_classes=num_classes, pretrained=True, pretrained_cfg_overlay=overlay)
    except (RuntimeError, KeyError) as error:
        raise UserError(f"model.weights={path} does not fit {name}: {_reason(error)}") from error


def _num_features(backbone: nn.Module, name: str, image_shape: tuple[int, int, int]) -> int:
    """The number of features, by one image through the backbone; shows too whether it takes images of this size."""
    training = backbone.training
    try:
        with torch.no_grad():
            features = backbone.eval()(torch.zeros(1, *image_shape))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise UserError(
            f"model.backbone={name} takes no images of {image_shape[1]} x {image_shape[2]}: {_reason(error)}; "
            "set frontend.image_size=[224,224], or what the backbone needs"
        ) from error
    backbone.train(training)
    return int(features.shape[1])


def _timm_config(name: str) -> timm.models.PretrainedCfg:
    config = timm.get_pretrained_cfg(name)
    assert config is not None, f"{name} was checked to be a model"
    return config


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
