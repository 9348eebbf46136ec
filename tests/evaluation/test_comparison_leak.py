"""What a leak of speakers is worth: the difference of two protocols, with its sign."""

import polars as pl
import pytest

from ser_lightning.evaluation.comparison_files import write_files
from ser_lightning.evaluation.comparison_leak import leak_gaps, leak_lines


@pytest.mark.parametrize("new_better", [False, True])
def test_the_leak_is_the_difference_of_known_and_new_voices(toy, tmp_path, new_better):
    clips = toy.clips_of(toy.voices(12))
    known, new = ([True] * 48, [True, False] * 24)[:: -1 if new_better else 1]
    toy.write_run(tmp_path / "0", clips, known, about=toy.protocol(split="random", known=True))
    toy.write_run(tmp_path / "1", clips, new, about=toy.protocol())
    [gap] = leak_gaps(toy.compared(tmp_path))
    [row] = gap.gaps
    assert row.difference == pytest.approx(-0.5 if new_better else 0.5)
    assert row.known.scored.scores["balanced_accuracy"] == (0.5 if new_better else 1.0)
    sentences = [line for line in leak_lines(gap) if isinstance(line, str) and line.startswith("protocol")]
    assert sentences == [
        "protocol, random: toy, split random (seed 0)",
        "protocol, speaker: toy, split speaker (seed 0)",
    ]


def test_the_leak_is_left_as_a_file(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12))
    toy.write_run(tmp_path / "0", clips, [True] * 48, about=toy.protocol(split="random", known=True))
    toy.write_run(tmp_path / "1", clips, [True, False] * 24, about=toy.protocol())
    write_files(tmp_path / "out", toy.compared(tmp_path), {})
    [row] = pl.read_csv(tmp_path / "out" / "leak.csv").iter_rows(named=True)
    assert (row["balanced_accuracy_known_voices"], row["balanced_accuracy_new_voices"]) == (1.0, 0.5)
    assert row["known_minus_new"] == 0.5
    assert row["protocol_known_voices"] == "toy, split random (seed 0)"


def test_there_is_no_leak_to_tell_of_one_kind_of_voices(toy, tmp_path):
    clips = toy.clips_of(toy.voices(3))
    toy.write_run(tmp_path / "0", clips, [True] * 12, about=toy.protocol())
    toy.write_run(tmp_path / "1", clips, [True] * 12, about=toy.protocol(split_seed=1))
    assert leak_gaps(toy.compared(tmp_path)) == []


def test_the_notes_of_the_runs_are_said_of_their_split(toy, tmp_path):
    clips = toy.clips_of(toy.voices(12))
    toy.write_run(
        tmp_path / "0", clips, [True] * 48, about=toy.protocol(split="random", known=True, notes=["mind [1]"])
    )
    toy.write_run(tmp_path / "1", clips, [True] * 48, about=toy.protocol())
    [gap] = leak_gaps(toy.compared(tmp_path))
    notes = [line for line in leak_lines(gap) if isinstance(line, str) and "note:" in line]
    assert notes == ["random: note: mind [1]"]
