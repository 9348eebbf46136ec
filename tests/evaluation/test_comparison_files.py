"""The files of a comparison: their numbers are those of the comparison, their text survives LaTeX and HTML."""

import json
import re

import numpy as np
import polars as pl
import pytest
import yaml

from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.comparison import compare
from ser_lightning.evaluation.comparison_files import escaped, latex, write_files
from ser_lightning.evaluation.comparison_groups import pooled_groups
from ser_lightning.evaluation.comparison_page import settings_rows, write_comparison
from ser_lightning.evaluation.comparison_runs import read_configurations
from ser_lightning.evaluation.comparison_terminal import renderings, said_p
from ser_lightning.evaluation.predictions import predictions_table, write_predictions

LABELS = ("angry", "sad")
SPECIAL = "50 % & a_b #1 <x> {y} ~ ^ \\ [z] $"


def write_run(folder, seed, *, config, num_speakers=12, **changes):
    speakers = [f"v{number:02}" for number in range(num_speakers) for _ in range(6)]
    labels = [LABELS[row % 2] for row in range(len(speakers))]
    clips = pl.DataFrame(
        {"clip": [f"toy/{row:03}" for row in range(len(speakers))], "corpus": "toy", "speaker": speakers}
    )
    clips = clips.with_columns(
        sex=pl.lit(""), text=pl.lit(""), intensity=pl.lit(""), seconds=1.0, label=pl.Series(labels)
    )
    p = np.random.default_rng(seed).dirichlet((1, 1), len(clips))
    table = predictions_table(clips, p, LABELS)
    write_predictions(folder / "predictions" / "test.csv", table)
    about = {
        "sentence": f"toy: {SPECIAL}",
        "corpora": ["toy"],
        "label_sources": {},
        "label_set": "native",
        "labels": LABELS,
        "merged": {},
        "dropped": {},
        "split": "speaker",
        "split_seed": 0,
        "split_fold": None,
        "split_folds": None,
        "split_details": "",
        "parts": {part: {"clips": 8, "speakers": 2, "corpora": ["toy"]} for part in ("train", "val", "test")},
        "absent": {"train": [], "val": [], "test": []},
        "shared_speakers": {"train_val": 0, "train_test": 0, "val_test": 0},
        "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
        "speaker_disjoint": True,
        "speakers_known": True,
        "notes": ["a <note>"],
    } | changes
    (folder / "metrics.json").write_text(json.dumps(assess({"test": table}, LABELS, protocol=about, temperature=1.0)))
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": "toy", "seed": 0, **config}))


@pytest.fixture
def comparison(tmp_path):
    """Two configurations of one protocol and one of another, with a seed more of the first."""
    write_run(tmp_path / "0", 0, config={"model": {"backbone": "a_b"}})
    write_run(tmp_path / "1", 1, config={"model": {"backbone": "a_b"}, "seed": 1})
    write_run(tmp_path / "2", 2, config={"model": {"backbone": "<c>"}})
    write_run(tmp_path / "3", 3, config={"model": {"backbone": "a_b"}}, split="text", sentence="toy by text")
    return compare(read_configurations([str(tmp_path)]))


def test_the_summary_has_a_row_a_configuration(comparison, tmp_path):
    write_files(tmp_path / "out", comparison, pooled_groups(comparison))
    table = pl.read_csv(tmp_path / "out" / "summary.csv")
    assert table.select("protocol", "rank").rows() == [(1, 1), (1, 2), (2, 1)]
    assert set(table["configuration"][:2]) == {"model.backbone=a_b", "model.backbone=<c>"}
    assert table["protocol_sentence"].to_list() == [f"toy: {SPECIAL}"] * 2 + ["toy by text"]
    assert dict(zip(table["configuration"], table["seeds"], strict=True))["model.backbone=<c>"] == "0"
    every = [one for ranking in comparison.rankings for one in ranking.standings]
    for row, one in zip(table.iter_rows(named=True), every, strict=True):
        for name in ("balanced_accuracy", "accuracy", "auroc", "ece", "cross_entropy"):
            assert row[name] == pytest.approx(one.scored.scores[name])
            assert (row[f"{name}_low"], row[f"{name}_high"]) == one.scored.intervals.get(name, (None, None))
            assert row[f"{name}_sd_seeds"] == pytest.approx(one.scored.over_seeds[name])
            assert row[f"{name}_sd_folds"] is None


def test_pairs_speakers_and_confusions_are_tables_too(comparison, tmp_path):
    write_files(tmp_path / "out", comparison, pooled_groups(comparison))
    [row] = pl.read_csv(tmp_path / "out" / "pairs.csv").iter_rows(named=True)
    [pair] = comparison.rankings[0].pairs
    assert row["difference"] == pytest.approx(pair.difference)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(pair.around)
    assert (row["p_sign_flip"], row["p_holm"]) == (pair.test.p, pair.adjusted_p)
    assert row["least_p_possible"] == 2 / 2**12
    assert row["clip_level_p_mcnemar"] == pytest.approx(pair.clip_level.p)
    speakers = pl.read_csv(tmp_path / "out" / "speakers.csv")
    assert len(speakers) == 3 * 12
    first = comparison.rankings[0].standings[0].scored
    assert dict(speakers[:12].select("speaker", "balanced_accuracy").rows()) == pytest.approx(first.of_speakers)
    confusion = pl.read_csv(tmp_path / "out" / "confusion.csv")
    assert len(confusion) == 3 * 4
    assert confusion["clips"][:4].to_list() == first.confusion.ravel().tolist()
    assert confusion["share_of_label"][0] + confusion["share_of_label"][1] == pytest.approx(1.0)


def test_latex_escapes_what_it_would_read_as_its_own():
    assert escaped(SPECIAL) == (
        r"50 \% \& a\_b \#1 \textless{}x\textgreater{} \{y\} \textasciitilde{} \textasciicircum{} "
        r"\textbackslash{} {[}z{]} \$"
    )


def test_latex_has_a_table_a_protocol_with_its_sentence_and_every_row_has_every_column(comparison):
    text = latex(comparison)
    tables = text.split("\\begin{table}")[1:]
    assert len(tables) == 2
    assert escaped(SPECIAL) in tables[0]
    assert "Protocol: toy by text." in tables[1]
    for table in tables:
        columns = re.search(r"\\begin\{tabular\}\{(l r*|lr*)\}", table)[1]
        body = table.partition("\\toprule")[2].partition("\\bottomrule")[0]
        rows = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert len(rows) >= 2
        assert {line.count(" & ") + 1 for line in rows} == {len(columns)}
        assert table.count("{") == table.count("}")
    best = comparison.rankings[0].standings[0].scored
    low, high = best.intervals["balanced_accuracy"]
    assert f"{best.scores['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]" in tables[0]
    assert f"& {said_p(comparison.rankings[0].pairs[0].adjusted_p)} \\\\" in tables[0]


def test_the_page_says_the_numbers_and_asks_for_nothing(comparison, tmp_path):
    page = write_comparison(tmp_path / "out", comparison, pooled_groups(comparison)).read_text()
    assert "://" not in page
    assert "<script" not in page
    assert "Not one ranking." in page
    assert "toy: 50 % &amp; a_b #1 &lt;x&gt; {y}" in page
    assert "a &lt;note&gt;" in page
    for ranking in comparison.rankings:
        for one in ranking.standings:
            low, high = one.scored.intervals["balanced_accuracy"]
            assert f"{one.scored.scores['balanced_accuracy']:.3f}\u00a0[{low:.3f}, {high:.3f}]" in page
            assert f'<td class="diagonal">{one.scored.confusion[0, 0]} ' in page
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("index.html", "ranking_1.png"),
        *(f"confusion_{number}.png" for number in ("1_1", "1_2", "2_1")),
    }


def test_the_settings_that_differ_are_listed(comparison):
    first = [one.configuration.settings["model.backbone"] for one in comparison.rankings[0].standings]
    assert settings_rows(comparison) == {"model.backbone": [*first, "a_b"]}


def test_the_terminal_says_the_protocol_first_and_why_there_are_two(comparison):
    lines = [line for line in renderings(comparison, name_columns=60) if isinstance(line, str)]
    assert lines[0].startswith("protocol: toy: 50 %")
    assert "means over seeds" in lines[1]
    assert "2 protocols, so 2 tables and no ranking across them: they differ in split (speaker; text)" in lines[-1]


def test_one_run_has_no_pairs_file(tmp_path):
    write_run(tmp_path / "0", 0, config={}, num_speakers=2)
    alone = compare(read_configurations([str(tmp_path)]))
    files = write_files(tmp_path / "out", alone, pooled_groups(alone))
    names = ["summary.csv", "speakers.csv", "confusion.csv", "groups.csv", "notes.csv", "table.tex"]
    assert [file.name for file in files] == names
    [row] = pl.read_csv(tmp_path / "out" / "summary.csv").iter_rows(named=True)
    assert row["balanced_accuracy_low"] is None
    assert row["no_interval"].startswith("2 speakers are too few")
