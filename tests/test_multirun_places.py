"""Which folder a job of a multirun has, from folders as runs leave them."""

import pytest

from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.job_failures import one_line
from ser_lightning.multirun_places import Place, place_jobs, running_alone
from ser_lightning.run_state import LAST_WRITTEN, RunState, config_hash, write_config


def _run(folder, number, config, *, finished):
    run_dir = folder / str(number)
    (run_dir / "report").mkdir(parents=True)
    write_config(run_dir, config)
    for name in LAST_WRITTEN if finished else ():
        (run_dir / name).touch()


def _hashes(*seeds):
    return [config_hash({"seed": seed}) for seed in seeds]


def test_in_an_empty_folder_the_numbers_are_the_positions(tmp_path):
    assert place_jobs(tmp_path / "new", _hashes(0, 1)) == [Place(0, RunState.NEW), Place(1, RunState.NEW)]


def test_a_run_is_found_by_its_config_and_others_get_free_numbers(tmp_path):
    _run(tmp_path, 0, {"seed": 1}, finished=True)
    _run(tmp_path, 2, {"seed": 5}, finished=False)
    (tmp_path / "1").mkdir()
    assert place_jobs(tmp_path, _hashes(0, 1, 5, 7)) == [
        Place(1, RunState.NEW),
        Place(0, RunState.FINISHED),
        Place(2, RunState.UNFINISHED),
        Place(3, RunState.NEW),
    ]


def test_of_two_runs_of_one_config_the_finished_one_counts(tmp_path):
    _run(tmp_path, 0, {"seed": 1}, finished=False)
    _run(tmp_path, 1, {"seed": 1}, finished=True)
    assert place_jobs(tmp_path, _hashes(1)) == [Place(1, RunState.FINISHED)]


def test_the_same_config_twice_is_run_once_and_an_unknown_one_always(tmp_path):
    [same] = _hashes(0)
    assert place_jobs(tmp_path, [same, same, None, None]) == [
        Place(0, RunState.NEW),
        Place(0, RunState.NEW, same_as=0),
        Place(1, RunState.NEW),
        Place(2, RunState.NEW),
    ]


def test_a_config_that_cannot_be_read_is_left_alone(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "config.yaml").write_text("[")
    assert place_jobs(tmp_path, _hashes(0)) == [Place(1, RunState.NEW)]


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path):
    with (
        running_alone(tmp_path / "m"),
        pytest.raises(UserError, match="in use by another"),
        running_alone(tmp_path / "m"),
    ):
        pass
    with running_alone(tmp_path / "m"):
        pass


def test_an_error_is_one_line():
    assert one_line(RunFailedError("first\nsecond")) == "first"
    assert one_line(ValueError("")) == "ValueError: "
    assert len(one_line(ValueError("x" * 1000))) < 350
