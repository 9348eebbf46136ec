"""Groups of clips over all folds: the numbers of the files and the page are those of the pooled table."""

import polars as pl
import pytest

from ser_lightning.evaluation.comparison_files import write_files
from ser_lightning.evaluation.comparison_groups import pooled_groups
from ser_lightning.evaluation.comparison_page import write_comparison
from ser_lightning.evaluation.groups import table_groups


@pytest.fixture
def compared(toy, tmp_path):
    """Six folds of four speakers, two of each sex: of the women all is right, of the men every second clip."""
    for fold in range(1, 7):
        sex = pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("female")).otherwise(pl.lit("male"))
        clips = toy.clips_of(toy.voices(4, 4 * fold)).with_columns(sex=sex)
        right = [True] * 8 + [True, False] * 4
        config = {"split": {"fold": fold}}
        about = toy.protocol(fold, 6, split="kfold")
        toy.write_run(tmp_path / "runs" / str(fold), clips, right, about=about, config=config)
    return toy.compared(tmp_path / "runs")


def test_groups_are_over_all_folds(compared, tmp_path):
    write_files(tmp_path, compared, pooled_groups(compared))
    groups = pl.read_csv(tmp_path / "groups.csv")
    rows = groups.filter(pl.col("grouping") == "sex").select("value", "clips", "speakers", "balanced_accuracy").rows()
    assert rows == [("female", 48, 12, 1.0), ("male", 48, 12, 0.5)]
    assert groups.filter(pl.col("grouping") == "speaker").height == 24
    [one] = compared.rankings[0].standings
    gap = table_groups(one.configuration.pooled[0], ("angry", "sad"))["sex"]["gaps"]["balanced_accuracy"]
    rows = pl.read_csv(tmp_path / "gaps.csv").filter(pl.col("score") == "balanced_accuracy")
    [row] = rows.filter(pl.col("grouping") == "sex").iter_rows(named=True)
    assert (row["highest"], row["lowest"], row["gap"]) == ("female", "male", 0.5)
    assert (row["gap_low"], row["gap_high"]) == pytest.approx(gap["interval"])
    assert row["no_interval"] == ""


def test_the_page_has_them_folded_away(compared, tmp_path):
    page = write_comparison(tmp_path, compared, pooled_groups(compared)).read_text()
    part = page[page.index("<h3>Groups of clips</h3>") : page.index("<h3>Confusion</h3>")]
    assert part.count("<details>") == 1
    assert "<h4>By sex</h4>" in part
    assert '<th scope="col">female</th><th scope="col">male</th><th scope="col">gap</th>' in part
    assert '<td class="between">female, male</td>' in part
    assert '<tr><th scope="row">speakers</th><td>12</td><td>12</td>' in part
