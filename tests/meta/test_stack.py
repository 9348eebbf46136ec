"""The command as the shell runs it, and predicting with what it leaves."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.metrics import balanced_accuracy_score

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.runs import read_finished
from ser_lightning.meta.stack_file import Kind
from ser_lightning.stack import stack
from ser_lightning.stacked import predict_stack

LABELS = ("angry", "happy", "neutral", "sad")
NO_AUDIO = None
"""What members that only look up their stored probabilities make of the audio."""


@pytest.fixture(scope="module")
def run_stack(run_job):
    def run(run_dir, entries, *more):
        runs = ",".join(str(entry) for entry in entries)
        quick = ("iterations=2", "inner_folds=2", "jobs=1", f"hydra.run.dir={run_dir}")
        return run_job(stack, "stack", [f"runs=[{runs}]", *quick, *more])

    return run


@pytest.fixture(scope="module")
def of_singles(run_stack, singles, tmp_path_factory):
    """A stack of two runs, and what the command said; no test may change it."""
    run_dir = tmp_path_factory.mktemp("stack") / "stack"
    return run_dir, run_stack(run_dir, singles, "meta=random_forest")


@pytest.fixture(scope="module")
def of_folds(run_stack, multiruns, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("stack") / "stack"
    return run_dir, run_stack(run_dir, multiruns, "meta=logistic")


def stored(part="test"):
    """Members that remember: the stored probabilities of each clip that is asked."""

    def predict(run, table, store):
        known = read_predictions(run / "predictions" / f"{part}.csv")
        rows = table.select("clip").join(known, on="clip", how="left", maintain_order="left")
        return rows.select(f"p_{label}" for label in LABELS).to_numpy()

    return predict


def of_kind(run):
    """What the members' checkpoints would say."""
    return Kind(LABELS, 16000)


def probabilities(table):
    return table.select(f"p_{label}" for label in LABELS).to_numpy()


def test_the_run_directory_is_like_any_other(of_singles, singles):
    run_dir, done = of_singles
    assert done.code == 0, done.err
    run = read_finished(run_dir)
    test = run.predictions("test")
    assert test.columns == read_predictions(singles[0] / "predictions" / "test.csv").columns
    assert run.labels == LABELS
    assert run.metrics["test"]["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(test["label"], test["prediction"])
    )
    assert run.metrics["test"]["balanced_accuracy"] > 0.9
    assert (run_dir / "report" / "index.html").stat().st_size > 1000
    assert (run_dir / "split.csv").read_text() == (singles[0] / "split.csv").read_text()
    assert json.loads((run_dir / "environment.json").read_text())["seed"] == 0


def test_the_config_says_which_clips_these_are(of_singles, of_folds, singles):
    config = yaml.safe_load((of_singles[0] / "config.yaml").read_text())
    member = yaml.safe_load((singles[0] / "config.yaml").read_text())
    assert config["name"] == "stack"
    assert config["meta"] == "random_forest"
    for key in ("label_set", "sample_rate", "corpus", "split", "on_bad_audio"):
        assert config[key] == member[key]
    assert "fold" not in yaml.safe_load((of_folds[0] / "config.yaml").read_text())["split"]


def test_stack_json_agrees_with_the_metrics(of_singles, singles):
    run_dir, _ = of_singles
    made = json.loads((run_dir / "stack.json").read_text())
    run = read_finished(run_dir)
    *_, average, whole = made["scores"]
    assert [member["name"] for member in made["members"]] == ["loud", "pleasant"]
    assert [Path(member["runs"][0]["absolute"]) for member in made["members"]] == list(singles)
    assert [(run_dir / member["runs"][0]["path"]).resolve() for member in made["members"]] == list(singles)
    assert (average["name"], whole["name"]) == ("average", "stack")
    for part in ("val", "test"):
        assert whole[part] == pytest.approx(run.metrics[part]["balanced_accuracy"])
    assert set(made["chosen"]["settings"]) >= {"n_estimators", "max_depth", "min_samples_split"}
    assert made["chosen_by_fold"] == {}


def test_what_is_printed_holds_the_scores_and_their_differences(of_singles):
    run_dir, done = of_singles
    scores = json.loads((run_dir / "stack.json").read_text())["scores"]
    for row in scores:
        assert f"{row['test']:.3f} [{row['test_interval'][0]:.3f}, {row['test_interval'][1]:.3f}]" in done.out
    for row in scores[:-1]:
        low, high = row["stack_minus_it"]["interval"]
        assert f"{row['stack_minus_it']['value']:+.3f} [{low:+.3f}, {high:+.3f}]" in done.out
        assert low > 0
    assert "protocol: toy, label set native (4 classes)" in done.out
    assert "note: the meta-learner was fitted on the members' predictions of the 64 val clips (4 speakers)" in done.out


def test_the_stack_predicts_what_it_stored(of_singles):
    run_dir, _ = of_singles
    test = read_predictions(run_dir / "predictions" / "test.csv")
    made = predict_stack(run_dir, test, NO_AUDIO, predict=stored(), kind_of=of_kind)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, probabilities(test))
    order = np.random.default_rng(0).permutation(len(test))
    np.testing.assert_array_equal(
        predict_stack(run_dir, test[order], NO_AUDIO, predict=stored(), kind_of=of_kind), made[order]
    )


def test_over_folds_all_is_stored_by_fold_and_scored_together(of_folds):
    run_dir, done = of_folds
    assert done.code == 0, done.err
    run = read_finished(run_dir)
    made = json.loads((run_dir / "stack.json").read_text())
    assert [[one["fold"] for one in member["runs"]] for member in made["members"]] == [[1, 2, 3]] * 2
    assert list(made["chosen_by_fold"]) == ["1", "2", "3"]
    assert run.metrics["test"]["clips"] == 96
    assert run.metrics["test"]["balanced_accuracy"] > 0.9
    assert not run.has("val")
    assert "not excluded" in done.out


def test_over_folds_no_clip_of_the_members_counts_as_new_to_the_stack(of_folds, multiruns):
    split = pl.read_csv(of_folds[0] / "split.csv")
    assert split["part"].unique().to_list() == ["train"]
    of_member = pl.read_csv(multiruns[0] / "0" / "split.csv")
    assert sorted(split["clip"]) == sorted(of_member["clip"])
    assert split.columns == of_member.columns


def test_new_clips_are_predicted_by_the_mean_of_the_folds(of_folds, multiruns):
    run_dir, _ = of_folds
    asked = []

    def predict(run, table, store):
        asked.append(run.resolve())
        return np.tile(np.float32([0.7, 0.1, 0.1, 0.1]), (len(table), 1)) if run.name == "0" else flat

    flat = np.full((2, 4), 0.25, dtype=np.float32)
    clips = pl.DataFrame({"clip": ["new/a", "new/b"]})
    made = predict_stack(run_dir, clips, NO_AUDIO, predict=predict, kind_of=of_kind)
    assert asked == [folder.resolve() / str(k) for folder in multiruns for k in range(3)]
    mean = np.tile((np.float64(np.float32([0.7, 0.1, 0.1, 0.1])) + 0.5) / 3, (2, 1))
    expected = predict_stack(run_dir, clips, NO_AUDIO, predict=lambda run, table, store: mean, kind_of=of_kind)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    np.testing.assert_allclose(made.sum(axis=1), 1, atol=1e-6)


def test_a_missing_member_is_one_error(of_singles, tmp_path):
    copy = shutil.copytree(of_singles[0], tmp_path / "copy")
    made = json.loads((copy / "stack.json").read_text())
    made["members"][1]["runs"][0] |= {"path": "../gone", "absolute": "/gone"}
    (copy / "stack.json").write_text(json.dumps(made))
    with pytest.raises(UserError, match=r"needs a member that is gone: neither .*/\.\./gone nor /gone is there"):
        predict_stack(copy, pl.DataFrame({"clip": ["a"]}), NO_AUDIO, predict=stored(), kind_of=of_kind)


def test_members_that_changed_are_all_told_before_any_is_asked(of_singles, singles):
    reverse = Kind(LABELS[::-1], 16000)
    others = {singles[0].resolve(): reverse, singles[1].resolve(): Kind(LABELS, 8000)}
    with pytest.raises(UserError) as caught:
        predict_stack(
            of_singles[0],
            pl.DataFrame({"clip": ["a"]}),
            NO_AUDIO,
            predict=lambda run, table, store: pytest.fail("asked"),
            kind_of=lambda run: others[run.resolve()],
        )
    assert [problem.split("member that was stacked: ")[1] for problem in caught.value.problems] == [
        f"it has the classes {has}, the stack the classes angry, happy, neutral, sad at 16000 Hz; stack again"
        for has in ("sad, neutral, happy, angry at 16000 Hz", "angry, happy, neutral, sad at 8000 Hz")
    ]


def test_a_stack_says_that_it_has_no_temperature(of_singles, of_folds):
    for run_dir, _ in (of_singles, of_folds):
        calibration = read_finished(run_dir).metrics["calibration"]
        assert (calibration["temperature"], calibration["fitted_on"]) == (1.0, None)
        assert "scaled by one temperature" not in (run_dir / "report" / "index.html").read_text()


def test_a_foreign_meta_learner_is_refused(of_singles, of_folds, tmp_path):
    copy = shutil.copytree(of_singles[0], tmp_path / "copy")
    (copy / "meta.skops").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"meta\.skops cannot be read as a meta-learner"):
        predict_stack(copy, pl.DataFrame({"clip": ["a"]}), NO_AUDIO, predict=stored(), kind_of=of_kind)


def test_a_stack_is_no_member(run_stack, of_singles, singles, tmp_path):
    done = run_stack(tmp_path / "stack", [of_singles[0], singles[0]])
    assert done.code == 2
    assert "is a stack itself; name its members instead" in done.err
    assert not (tmp_path / "stack").exists()


def test_few_speakers_are_shown_one_by_one(run_stack, make_run, single_parts, tmp_path):
    few = single_parts["test"].filter(pl.col("speaker").is_in(["s06", "s07"]))
    runs = [make_run(tmp_path / sees, sees, parts=single_parts | {"test": few}) for sees in ("loud", "pleasant")]
    done = run_stack(tmp_path / "stack", runs, "meta=logistic")
    assert done.code == 0, done.err
    assert "2 speakers are too few for an interval" in done.out
    made = json.loads((tmp_path / "stack" / "stack.json").read_text())["scores"]
    assert set(made[0]["stack_minus_it"]["speakers"]) == {"toy/s06", "toy/s07"}
    [line] = [line for line in done.out.splitlines() if "toy/s06" in line]
    best = next(row for row in made if row["best_on_val"])
    assert line.split() == [
        "toy/s06",
        *(f"{row['stack_minus_it']['speakers']['toy/s06']:+.3f}" for row in (best, made[2])),
    ]


def test_a_finished_run_is_not_overwritten(run_stack, of_singles, singles):
    done = run_stack(of_singles[0], singles)
    assert done.code == 2
    assert "holds a finished run, which is not overwritten" in done.err


def test_all_that_is_wrong_with_the_keys_is_told(run_stack, singles, tmp_path):
    done = run_stack(tmp_path / "stack", singles, "meta=svm", "jobs=0", "inner_folds=1", "iterations=0")
    assert done.code == 2
    assert "jobs=0: 1 process or more, or -1 for as many as there are cores" in done.err
    assert all(key in done.err for key in ("meta='svm'", "inner_folds=1", "iterations=0"))


def test_runs_of_other_clips_are_refused(run_stack, singles, make_run, single_parts, tmp_path):
    other = make_run(tmp_path / "other", "pleasant", parts=single_parts | {"test": single_parts["test"][1:]})
    done = run_stack(tmp_path / "stack", [singles[0], other])
    assert done.code == 2
    assert "the test clips differ: 1 only in loud (toy/s06/angry0)" in done.err
    assert not (tmp_path / "stack").exists()


def test_a_seed_stacks_the_same_twice(run_stack, of_singles, singles, tmp_path):
    assert run_stack(tmp_path / "again", singles, "meta=random_forest").code == 0
    for file in ("predictions/test.csv", "predictions/val.csv", "metrics.json", "split.csv"):
        assert (tmp_path / "again" / file).read_bytes() == (of_singles[0] / file).read_bytes()
