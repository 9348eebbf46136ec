"""An upload reaches a server that speaks as the hub does; without a token or a server it is one message."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import huggingface_hub.constants
import pytest

from ser_lightning.errors import RunFailedError
from ser_lightning.exported.hub import push


class Hub(BaseHTTPRequestHandler):
    """Keeps what is committed in `files`, by name, and the names of the repositories that were asked for."""

    files: ClassVar[dict[str, bytes]] = {}
    created: ClassVar[list[str]] = []

    def do_GET(self):
        self._answer({"siblings": [], "id": "ann/voices"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer hf_secret":
            self._answer({"error": "not allowed"}, 401)
        elif self.path == "/api/repos/create":
            self.created.append(json.loads(body)["organization"] + "/" + json.loads(body)["name"])
            self._answer({"url": f"http://127.0.0.1:{self.server.server_port}/ann/voices"})
        elif self.path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            self._answer({"files": [{"path": name, **modes} for name in names]})
        elif self.path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._answer(
                {"commitUrl": f"http://127.0.0.1:{self.server.server_port}/ann/voices/commit/1", "commitOid": "1"}
            )
        else:
            self._answer({"valid": True})

    def log_message(self, *args):
        """Say nothing."""

    def _answer(self, content, code=200):
        text = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Hub.files.clear()
    Hub.created.clear()
    # The library reads HF_ENDPOINT when it is imported.
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield Hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "export"
    made.mkdir()
    (made / "README.md").write_text("---\nlicense: other\n---\n# a card\n")
    (made / "model.onnx").write_bytes(bytes(range(256)) * 40)
    return made


def test_every_file_is_uploaded(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    address = push(folder, "ann/voices")
    assert address.endswith("/ann/voices")
    assert hub.created == ["ann/voices"]
    assert hub.files == {name: (folder / name).read_bytes() for name in ("README.md", "model.onnx")}


def test_a_wrong_token_is_told_and_the_folder_stays(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(RunFailedError, match=r"push=ann/voices failed \(.*401.*\)\. .*is ready and stays"):
        push(folder, "ann/voices")
    assert hub.files == {}
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "model.onnx"]


def test_without_a_network_it_is_told(folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RunFailedError, match=r"push=ann/voices failed \(.*\)\. .*is ready and stays"):
        push(folder, "ann/voices")


def test_without_a_token_nothing_is_tried(hub, folder, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(RunFailedError, match=r"push=ann/voices needs a token, and there is none: set HF_TOKEN\."):
        push(folder, "ann/voices")
    assert hub.created == []
