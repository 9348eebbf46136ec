"""Which runs are there, whole, and the same."""

import pytest

from ser_lightning.errors import UserError
from ser_lightning.run_state import RunState, config_hash, read_config, run_state, write_config

CONFIG = {"seed": 0, "corpus": {"root": "Zürich"}, "optimizer": {"lr": 1e-3}, "cache_dir": "a", "logger": {}}


def test_a_folder_that_is_not_there_is_new(tmp_path):
    assert run_state(tmp_path / "none") is RunState.NEW
    assert run_state(tmp_path) is RunState.NEW


def test_a_run_is_unfinished_until_its_report_is_there(tmp_path):
    write_config(tmp_path, CONFIG)
    (tmp_path / "metrics.json").touch()
    assert run_state(tmp_path) is RunState.UNFINISHED
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").touch()
    assert run_state(tmp_path) is RunState.FINISHED


def test_a_config_is_read_as_it_was_written_and_has_its_hash(tmp_path):
    write_config(tmp_path, CONFIG)
    assert read_config(tmp_path) == CONFIG
    assert config_hash(read_config(tmp_path)) == config_hash(CONFIG)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"cache_dir": "b"}, True),
        ({"logger": {"csv": {}}}, True),
        ({"seed": 1}, False),
        ({"optimizer": {"lr": 1e-4}}, False),
    ],
)
def test_what_changes_results_changes_the_hash(change, same):
    assert (config_hash(CONFIG | change) == config_hash(CONFIG)) is same


def test_a_config_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        read_config(tmp_path)
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "config.yaml").write_text("- a")
    with pytest.raises(UserError, match="mapping"):
        read_config(tmp_path)
