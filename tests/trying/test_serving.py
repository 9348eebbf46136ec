"""What the command refuses before it serves anything, and which port it takes."""

from __future__ import annotations

import signal
import socket
import sys

import pytest

from ser_lightning.app import app
from ser_lightning.errors import UserError
from ser_lightning.trying.serving import free_port


@pytest.fixture
def taken():
    """A port that is in use, on which another server listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_taken_as_it_is(taken):
    free = free_port("127.0.0.1", taken + 1)
    assert free_port("127.0.0.1", free) == free


def test_the_next_one_is_taken_where_a_port_is_in_use(taken):
    assert taken < free_port("127.0.0.1", taken) < taken + 20
    assert taken < free_port("localhost", taken) < taken + 20


@pytest.mark.parametrize("host", ["203.0.113.7", "nowhere.invalid", "no address"])
def test_another_computers_address_is_refused(host):
    with pytest.raises(UserError, match=f"host={host} is no address of this computer"):
        free_port(host, 17860)


def test_all_that_is_wrong_is_told_at_once(run_job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_job(app, "app", ["run=nowhere", "threshold=1.5", "port=0", "max_seconds=0", "max_megabytes=-1"])
    assert done.code == 2
    assert [line.split("=")[0] for line in done.err.splitlines()[1:]] == [
        "- threshold",
        "- port",
        "- max_megabytes",
        "- max_seconds",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run=nowhere"], "nowhere/checkpoints/best.ckpt is not there"),
        ([], "run"),
        (["run=nowhere", "prot=1"], "prot: no such key; did you mean 'port'?"),
        (["run=nowhere", "device=tpu"], "device"),
    ],
)
def test_a_mistake_is_a_message_and_nothing_is_left(run_job, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    done = run_job(app, "app", arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_without_gradio_the_extra_is_named(run_job, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = run_job(app, "app", [f"run={tiny_run}"])
    assert done.code == 2
    assert done.err.splitlines()[1:] == ["- the page needs the extra: pip install 'ser-lightning[app]'"]
