"""The command: a page and a short table; mistakes leave nothing; what real corpora are known to be like."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.describe import describe


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Two speakers, two emotions, an empty file; run from an empty folder."""
    rng = np.random.default_rng(0)
    rows = []
    for speaker in ("ann", "ben"):
        for emotion in ("angry", "sad"):
            name = f"{speaker}_{emotion}.wav"
            soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(4000), 16000)
            rows.append({"path": name, "emotion": emotion, "speaker": speaker})
    (tmp_path / "empty.wav").touch()
    rows.append({"path": "empty.wav", "emotion": "sad", "speaker": "ben"})
    pl.DataFrame(rows).write_csv(tmp_path / "clips.csv")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return ["corpus=table", f"corpus.root={tmp_path / 'clips.csv'}", f"cache_dir={tmp_path / 'cache'}"]


def test_a_page_is_written_under_the_corpus_name_and_bad_files_do_not_stop_it(table, run_job):
    done = run_job(describe, "describe", table)
    assert done.code == 0, done.err
    page = Path("outputs/describe/table/index.html")
    assert "empty.wav" in page.read_text()
    assert re.search(r"table +4 +2 +0\.00", done.out)
    assert "emotions: angry 2, sad 2\n" in done.out
    assert "left out: 1 file, listed on the page" in done.out
    assert f"data card: {page.resolve()}\n" in done.out


def test_the_page_goes_where_it_is_told(table, run_job, tmp_path):
    done = run_job(describe, "describe", [*table, f"hydra.run.dir={tmp_path / 'cards'}", "corpus.name=mine"])
    assert done.code == 0, done.err
    assert (tmp_path / "cards" / "mine" / "index.html").exists()
    assert list(Path.cwd().iterdir()) == []


MISTAKES = {
    "label set": (["label_set=paper8"], "'paper8' is none of the label sets; did you mean 'paper7'?"),
    "label set without its clips": (["label_set=eight"], "has classes that no clip has: neutral, calm"),
    "key": (["verify=true"], "verify: no such key"),
    "rate": (["sample_rate=10"], "sample_rate=10: input should be greater than or equal to 8000"),
    "folder": (["corpus.root=/nowhere"], "/nowhere"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(name, table, run_job):
    overrides, message = MISTAKES[name]
    done = run_job(describe, "describe", [*table, *overrides])
    assert done.code == 2
    assert message in done.err
    assert list(Path.cwd().iterdir()) == []


def test_where_nothing_is_usable_the_error_stands(run_job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "clips.csv").write_text("path,emotion\nempty.wav,sad\n")
    done = run_job(describe, "describe", ["corpus=table", "corpus.root=clips.csv"])
    assert done.code == 2
    assert "no file can be used" in done.err
    assert not Path("outputs").exists()


def test_the_command_imports_nothing_heavy(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('torch was imported')\n")
    done = subprocess.run(
        [sys.executable, "-m", "ser_lightning.describe", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "outputs/describe/<corpus>/index.html" in done.stdout


def rows_of(page: str, region: str) -> dict[str, list[str]]:
    """The rows of a table of the page by their first cell."""
    body = page.partition(f'aria-label="{region}"')[2].partition("</table>")[0]
    cells = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in body.split("<tr>")[2:]]
    return {row[0]: row[1:] for row in cells}


@pytest.fixture(scope="module")
def real_page(run_job, shared_corpora, tmp_path_factory):
    """The page of both real corpora."""
    folder = tmp_path_factory.mktemp("real")
    overrides = [f"corpus.roots.{name}={shared_corpora(name.upper())}" for name in ("ravdess", "tess")]
    overrides += ["corpus=several", "corpus.names=[ravdess,tess]", "label_set=six"]
    done = run_job(
        describe, "describe", [*overrides, f"cache_dir={folder / 'cache'}", f"hydra.run.dir={folder / 'cards'}"]
    )
    assert done.code == 0, done.err
    return (folder / "cards" / "ravdess+tess" / "index.html").read_text()


@pytest.mark.slow
def test_both_origins_are_told(real_page):
    for words in ("CC BY-NC-SA 4.0", "CC BY-NC-ND 4.0", "Livingstone &amp; Russo 2018", "Pichora-Fuller &amp; Dupuis"):
        assert words in real_page
    assert "calm -&gt; neutral (192 clips)" in real_page
    assert "surprise (292 clips)" in real_page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speaker", "level"),
    [("ravdess/actor09", -52.9), ("ravdess/actor10", -34.8), ("tess/OAF", -33.1), ("tess/YAF", -27.2)],
)
def test_the_speakers_are_as_loud_as_the_fact_sheet_says(real_page, speaker, level):
    row = rows_of(real_page, "Speakers")[speaker]
    assert float(row[-3]) == pytest.approx(level, abs=0.3)


@pytest.mark.slow
def test_digital_silence_and_the_identical_pair_of_ravdess_are_found(real_page):
    actors = ", ".join(f"ravdess/actor{number:02d}" for number in (2, 4, 14, 16, 20, 24))
    assert f"more than half of the clips of {actors}:" in real_page
    assert real_page.count("<li>identical: ") == 1
