"""The hub path end to end, against a server of our own on 127.0.0.1 and without any.

huggingface_hub reads HF_ENDPOINT and HF_HOME when it is imported, so each situation is a process of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

pytestmark = pytest.mark.slow  # two processes that import torch and timm

SERVED = "resnet18.a1_in1k"
ONLY_BIN = "resnet10t.c3_in1k"
FAILING = {
    "resnet34.a1_in1k": "404",
    "resnet101.a1_in1k": "503",
    "resnet50.a1_in1k": "Server disconnected",
    "resnet14t.c3_in1k": "An error happened|does not seem to be served by a Hugging Face Hub",
    "resnet26t.ra2_in1k": "header too large",
    "resnet26.bt_in1k": "file should be of size",
}
"""Repositories whose downloads fail, and what the message says of the reason. In turn: the repository is missing; the
server is overloaded; it hangs up; a portal answers everything with its page; the file is that page; it is cut short."""
UNREACHABLE = "resnet152.a1_in1k"
UNPLUGGED = ["resnet18", UNREACHABLE]
"""What is asked for once the server is gone: timm's default weights of resnet18 are those of `SERVED`."""
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"

UNPLUG = "unplug"
"""In a child's list of names: wait for a line, before which the server is taken away."""

CHILD = """
import json, sys
import torch
from ser_lightning.errors import UserError
from ser_lightning.models.backbone import create_backbone

image = torch.linspace(-1, 1, 32 * 48).reshape(1, 1, 32, 48)
for name in sys.argv[1:]:
    if name == "unplug":
        print(json.dumps([name, "waiting", None]), flush=True)
        sys.stdin.readline()
        continue
    try:
        backbone, _ = create_backbone(
            name, pretrained=True, weights=None, image_shape=(1, 32, 48), drop_path=0.0, bn_eps=None
        )
    except UserError as error:
        print(json.dumps([name, "problems", error.problems]), flush=True)
    else:
        with torch.no_grad():
            print(json.dumps([name, "features", backbone.eval()(image)[0].tolist()]), flush=True)
"""


@dataclass(frozen=True)
class Answers:
    """What a process said of each model: features or problems, and what it wrote to stderr."""

    features: dict[str, torch.Tensor]
    problems: dict[str, list[str]]
    stderr: str


def ask(names: list[str], home: Path, unplug: Callable[[], None], **environment: str) -> Answers:
    """Build these pretrained backbones in a process with this HF_HOME and environment."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING")) and not name.lower().endswith("_proxy")
    }
    log, said = home / "stderr.txt", {}
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", CHILD, *names],
            env=inherited
            | {"HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        for line in child.stdout:
            name, kind, value = json.loads(line)
            said[name] = kind, value
            if kind == "waiting":
                unplug()
                child.stdin.write("\n")
                child.stdin.flush()
    assert child.returncode == 0, log.read_text()
    assert list(said) == names
    return Answers(
        features={name: torch.tensor(value) for name, (kind, value) in said.items() if kind == "features"},
        problems={name: value for name, (kind, value) in said.items() if kind == "problems"},
        stderr=log.read_text(),
    )


def random_model(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    model = timm.create_model(name)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face Hub as a download asks for, and its mishaps, by the name of the repository."""

    files: dict[str, bytes]
    asked: list[str]

    def answer(self) -> None:
        self.asked.append(self.requestline)
        _, _, name, *_, file = self.path.split("/")
        mishap = {
            "resnet101.a1_in1k": self.overloaded,
            "resnet50.a1_in1k": self.hang_up,
            "resnet14t.c3_in1k": self.portal,
            "resnet26t.ra2_in1k": lambda: self.weights(PAGE),
            "resnet26.bt_in1k": lambda: self.weights(PAGE[: 10 if self.command == "GET" else None]),
        }.get(name)
        if mishap is not None:
            mishap()
        elif f"{name}/{file}" in self.files:
            self.weights(self.files[f"{name}/{file}"])
        else:
            known = any(served.startswith(f"{name}/") for served in self.files)
            self.reply(404, b"", {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})

    do_GET = answer  # noqa: N815 (http.server's name)
    do_HEAD = answer  # noqa: N815

    def weights(self, content: bytes) -> None:
        etag = hashlib.sha256(self.path.encode()).hexdigest()
        self.reply(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": "0123456789" * 4})

    def portal(self) -> None:
        self.reply(200, PAGE, {"Content-Type": "text/html"})

    def overloaded(self) -> None:
        self.reply(503, b"", {})

    def hang_up(self) -> None:
        self.close_connection = True

    def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Print nothing."""


@dataclass(frozen=True)
class Online:
    """What was built, asked and answered while the server ran."""

    models: dict[str, torch.nn.Module]
    answers: Answers
    asked: list[str]
    home: Path


@pytest.fixture(scope="module")
def online(tmp_path_factory) -> Online:
    models = {SERVED: random_model("resnet18"), ONLY_BIN: random_model("resnet10t")}
    plain = io.BytesIO()
    torch.save(models[ONLY_BIN].state_dict(), plain)
    Hub.files = {
        f"{SERVED}/model.safetensors": safetensors.torch.save(models[SERVED].state_dict()),
        f"{ONLY_BIN}/pytorch_model.bin": plain.getvalue(),
    }
    Hub.asked = []
    home = tmp_path_factory.mktemp("hub")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def unplug() -> None:
            server.shutdown()
            server.server_close()

        endpoint = f"http://127.0.0.1:{server.server_port}"
        answers = ask([*models, *FAILING, UNPLUG, *UNPLUGGED], home, unplug, HF_ENDPOINT=endpoint)
        thread.join()
    return Online(models, answers, Hub.asked, home)


def own_features(model: torch.nn.Module) -> torch.Tensor:
    """timm's own features of the same picture, in three equal channels."""
    image = torch.linspace(-1, 1, 32 * 48).reshape(1, 1, 32, 48).repeat(1, 3, 1, 1)
    with torch.no_grad():
        return model.forward_head(model.forward_features(image), pre_logits=True)[0]


@pytest.mark.parametrize("name", [SERVED, ONLY_BIN])
def test_downloaded_weights_give_timms_features(online, name):
    expected = own_features(online.models[name])
    assert expected.std() > 1e-3
    torch.testing.assert_close(online.answers.features[name], expected, rtol=1e-5, atol=1e-5)


def test_the_file_is_fetched_once(online):
    path = f"/timm/{SERVED}/resolve/main/model.safetensors"
    assert [line for line in online.asked if line.startswith("GET") and SERVED in line] == [f"GET {path} HTTP/1.1"]


@pytest.mark.parametrize(("name", "reason"), FAILING.items(), ids=FAILING.keys())
def test_a_failed_download_is_one_message_with_what_to_do(online, name, reason):
    (problem,) = online.answers.problems[name]
    assert problem.startswith(f"the ImageNet weights of {name} cannot be downloaded (")
    assert any(part in problem for part in reason.split("|")), problem
    assert "model.weights=FILE (.safetensors or .pth)" in problem
    assert problem.endswith("model.pretrained=false")
    assert "\n" not in problem


def test_nothing_is_tried_again_and_again(online):
    assert "Retrying" not in online.answers.stderr
    asked = {name: sum(f"/{name}/" in line for line in online.asked) for name in FAILING}
    assert asked["resnet34.a1_in1k"] == asked["resnet101.a1_in1k"] == asked["resnet50.a1_in1k"] == 1
    assert max(asked.values()) <= 4


def test_without_a_server_what_was_downloaded_before_still_loads(online):
    features = online.answers.features
    assert torch.equal(features["resnet18"], features[SERVED])


def test_without_a_server_there_is_one_message(online):
    (problem,) = online.answers.problems[UNREACHABLE]
    assert problem.startswith(f"the ImageNet weights of {UNREACHABLE} cannot be downloaded (")
    assert "Connection refused" in problem
    assert problem.endswith("model.pretrained=false")
    assert UNREACHABLE not in online.answers.stderr


def test_offline_mode_takes_the_cache_and_else_says_so(online):
    answers = ask(
        [SERVED, ONLY_BIN, UNREACHABLE], online.home, pytest.fail, HF_ENDPOINT="http://127.0.0.1:1", HF_HUB_OFFLINE="1"
    )
    for name in (SERVED, ONLY_BIN):
        assert torch.equal(answers.features[name], online.answers.features[name])
    (problem,) = answers.problems[UNREACHABLE]
    assert "offline mode is enabled" in problem
    assert problem.endswith("model.pretrained=false")
    assert "Retrying" not in answers.stderr
