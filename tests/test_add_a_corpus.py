"""docs/add_a_corpus.md works as printed: its files are written, its commands run."""

import re
import shlex
from pathlib import Path

import pytest

from ser_lightning.prepare import prepare

PAGE = (Path(__file__).parent.parent / "docs" / "add_a_corpus.md").read_text()
FILES = dict(re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"```sh\npython -m ser_lightning\.prepare (.*?)\n```", PAGE, re.DOTALL)
TABLE_CLIPS = ("a1", "a2", "b1", "b2")
PARSER_CLIPS = ("anna_happy_01", "anna_sad_02", "ben_angry_01", "ben_happy_02", "cleo_sad_03")


@pytest.fixture
def said(tmp_path, run_job, write_noise, monkeypatch):
    """Run a command of the page beside its files and recordings, and give what it says."""

    def run(command, clips):
        for name, text in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for seed, clip in enumerate(clips):
            write_noise(tmp_path / "recordings" / f"{clip}.wav", seed=seed)
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)  # as `python -m` does with the folder that it is run from
        done = run_job(prepare, "prepare", shlex.split(command))
        assert done.code == 0, done.err
        return done.out

    return run


def test_the_page_holds_what_is_tried_here():
    assert list(FILES) == ["clips.csv", "my_corpus.py", "my_conf/corpus/mine.yaml"]
    assert [command.split()[-1] for command in COMMANDS] == ["corpus.root=clips.csv", "corpus.root=recordings"]
    assert len([line for line in FILES["my_corpus.py"].splitlines() if line.strip()]) <= 20


def test_the_table(said):
    assert "4 clips, 2 speakers" in said(COMMANDS[0], TABLE_CLIPS)


def test_the_parser_with_ones_own_config_folder(said):
    told = said(COMMANDS[1], (*PARSER_CLIPS, "notes_of_the_session"))
    assert "5 clips, 3 speakers" in told
    assert "1 files below recordings bear no name of the corpus" in told.replace("\n", " ")
