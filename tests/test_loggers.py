"""When W&B goes offline, and that it is told before anything starts."""

import socket
import warnings

import pytest

from ser_lightning.errors import UserError
from ser_lightning.loggers import LoggedRun, tensorboard, wandb, wandb_offline_reason
from ser_lightning.schema import node_problems
from ser_lightning.wandb_log import log_config


@pytest.fixture
def run(tmp_path):
    return LoggedRun(folder=tmp_path, name="tones", sweep=None, tags=())


@pytest.fixture(autouse=True)
def nothing_of_the_user(tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def server(monkeypatch):
    """A W&B server's address on this machine, which takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield listener


def test_without_a_key_it_is_offline(server):
    assert wandb_offline_reason() == "no API key"


def test_with_a_key_and_a_server_it_is_online(server, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb_offline_reason() == ""


def test_a_key_may_lie_in_netrc(server, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    assert wandb_offline_reason() == ""
    (tmp_path / "netrc").write_text("machine elsewhere.example login user password secret\n")
    assert wandb_offline_reason() == "no API key"
    (tmp_path / "netrc").write_text("not a netrc file")
    assert wandb_offline_reason() == "no API key"


def test_without_a_connection_it_is_offline(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb_offline_reason() == "no connection to 127.0.0.1"


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_the_users_own_mode_comes_first(server, monkeypatch, mode):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    monkeypatch.setenv("WANDB_MODE", mode)
    assert wandb_offline_reason() == f"WANDB_MODE={mode}"


def test_online_that_cannot_be_is_refused_before_anything_starts(run):
    with pytest.raises(UserError, match="mode=online: no API key; run `wandb login`"):
        wandb(run, mode="online")


def test_a_tag_that_wandb_would_refuse_is_refused_by_name():
    node = {"_target_": "ser_lightning.loggers.wandb", "tags": ["fine", "x" * 65], "group": 3}
    tag, group = node_problems("logger.wandb", node)
    assert tag.startswith("logger.wandb.tags=")
    assert "at most 64" in tag
    assert group == "logger.wandb.group=3: input should be a valid string"


def test_tensorboard_gets_the_config_alone(run):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # tensorboard's own
        logger = tensorboard(run)
        log_config([logger], {"seed": 3}, {"sentence": "of no use here"})
    assert dict(logger.hparams) == {"seed": 3}
