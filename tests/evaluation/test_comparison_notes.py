"""No caveat of a run is lost on the way to the terminal, the page, the tables and the paper."""

import polars as pl
import pytest

from ser_lightning.evaluation.comparison_files import latex, write_files
from ser_lightning.evaluation.comparison_groups import pooled_groups
from ser_lightning.evaluation.comparison_notes import RunNotes
from ser_lightning.evaluation.comparison_page import write_comparison
from ser_lightning.evaluation.comparison_terminal import ranking_lines

LEAKED = "not excluded: members were trained on the fold that is tested"


@pytest.fixture
def compared(toy, tmp_path):
    """Two configurations that share a note; each has one of its own, the second in its other seed alone."""
    clips = toy.clips_of(toy.voices(12))
    runs = {("a", 0): ["both", "only_a", LEAKED], ("b", 0): ["both"], ("b", 1): ["both", "only b & c"]}
    for (backbone, seed), notes in runs.items():
        config = {"seed": seed, "model": {"backbone": backbone}}
        right = [backbone == "a"] * 48
        about = toy.protocol(notes=notes)
        toy.write_run(tmp_path / "runs" / f"{backbone}{seed}", clips, right, about=about, config=config)
    return toy.compared(tmp_path / "runs")


def test_shared_notes_are_said_once_and_others_with_their_configuration(compared):
    [ranking] = compared.rankings
    expected = ("both", "model.backbone=a: only_a", "model.backbone=b: only b & c")
    assert ranking.run_notes.lines == expected
    assert ranking.notes == (f"model.backbone=a: {LEAKED}",)
    lines = list(ranking_lines(ranking, name_columns=60))
    assert lines[3] == f"note: model.backbone=a: {LEAKED}", "right below the table of scores"
    assert tuple(lines[-3:]) == tuple(f"note: {note}" for note in expected)


def test_files_and_page_have_every_note(compared, tmp_path):
    write_files(tmp_path, compared, {})
    rows = pl.read_csv(tmp_path / "notes.csv").select("rank", "note").rows()
    assert rows == [(1, "both"), (1, "only_a"), (1, LEAKED), (2, "both"), (2, "only b & c")]
    assert pl.read_csv(tmp_path / "summary.csv")["notes"].to_list() == [f"both; only_a; {LEAKED}", "both; only b & c"]
    text = latex(compared)
    assert "% note: model.backbone=b: only b & c\n" in text
    caption = next(line for line in text.splitlines() if line.startswith(r"\caption"))
    assert caption.endswith(f" model.backbone=a: {LEAKED}.}}")


def test_the_page_lists_them_and_warns_of_what_is_not_excluded(compared, tmp_path):
    page = write_comparison(tmp_path, compared, pooled_groups(compared)).read_text()
    assert "<li>both</li>\n<li>model.backbone=a: only_a</li>\n<li>model.backbone=b: only b &amp; c</li>" in page
    assert f'<p class="warning" role="note">model.backbone=a: {LEAKED}</p>' in page


@pytest.mark.parametrize(("num_shared", "num_own", "kept"), [(9, 3, (9, 3)), (9, 5, (7, 5)), (2, 20, (0, 12))])
def test_no_more_than_twelve_are_printed_and_the_rest_is_counted(num_shared, num_own, kept):
    notes = RunNotes(tuple(f"s{n}" for n in range(num_shared)), tuple(("x", f"o{n}") for n in range(num_own)))
    lines = notes.printed()
    shared, own = kept
    assert lines[: shared + own] == (*(f"s{n}" for n in range(shared)), *(f"x: o{n}" for n in range(own)))
    left = num_shared + num_own - 12
    assert lines[12:] == ((f"{left} more notes of the runs are in notes.csv",) if left else ())
