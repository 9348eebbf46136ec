"""What is said of a command line that Hydra cannot read: what is wrong with it, and what is missing, at once."""

import pytest

from ser_lightning.summarize import summarize

UNSET = "- runs: must be set"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], [UNSET]),
        (["rnus=a"], ["- rnus: no such key; did you mean 'runs'?", UNSET]),
        (["outputs/a"], ["- outputs/a: a path or a word alone says nothing: key=value is needed, such as", UNSET]),
        (["runs=[a,b"], ["- runs=[a,b: a bracket is opened and not closed, or the other way round", UNSET]),
        (["runs=a,b"], ["- runs=a,b: several values; a list needs brackets, in quotes ('runs=[A,B]'), a multirun"]),
        (["runs="], ["- runs='': string should have at least 1 character"]),
    ],
)
def test_a_command_line_that_cannot_be_read(arguments, said, run_job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_job(summarize, "summarize", arguments)
    assert done.code == 2
    lines = done.err.strip().splitlines()
    assert len(lines) == 1 + len(said)
    for line, beginning in zip(lines[1:], said, strict=True):
        assert line.startswith(beginning)
    assert list(tmp_path.iterdir()) == []
