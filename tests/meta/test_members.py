import json
import shutil

import pytest
import yaml

from ser_lightning.errors import UserError
from ser_lightning.meta.members import read_members


@pytest.fixture
def copies(multiruns, tmp_path):
    """The multiruns, to be changed."""
    for folder in multiruns:
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "loud", tmp_path / "pleasant"


def read(*entries):
    return read_members([str(entry) for entry in entries])


def change(path, **values):
    """Change top-level keys of a config.yaml, or of the protocol in a metrics.json."""
    if path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values))
        return
    metrics = json.loads(path.read_text())
    metrics["protocol"] |= values
    path.write_text(json.dumps(metrics))


def test_single_runs_go_by_their_names(singles):
    a, b = read(*singles)
    assert (a.name, b.name) == ("loud", "pleasant")
    assert (a.over_folds, len(a.runs), a.first.path) == (False, 1, singles[0])


def test_the_folds_of_a_multirun_are_one_member_in_their_order(copies):
    (copies[0] / "0").rename(copies[0] / "9")
    a, b = read(*copies)
    assert a.over_folds
    assert [run.path.name for run in a.runs] == ["9", "1", "2"]
    assert [run.protocol["split_fold"] for run in b.runs] == [1, 2, 3]


def test_runs_of_one_name_go_by_their_folders_or_whole_paths(singles, tmp_path):
    copy = shutil.copytree(singles[0], tmp_path / "again")
    assert [member.name for member in read(singles[0], copy)] == ["loud", "again"]
    copy = shutil.copytree(singles[0], tmp_path / "loud")
    assert [member.name for member in read(singles[0], copy)] == [str(singles[0]), str(copy)]


def test_a_run_of_a_fold_is_a_single_run_and_its_folder_a_member_over_folds(copies):
    assert [member.over_folds for member in read(copies[0] / "0", copies[1] / "0")] == [False, False]
    shutil.rmtree(copies[0] / "1")
    shutil.rmtree(copies[0] / "2")
    with pytest.raises(UserError, match=r"loud lacks fold 2, 3 of 3: -m split\.fold=2,3"):
        read(*copies)


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_are_refused(singles, number):
    with pytest.raises(UserError, match=f"two members or more, got {number}"):
        read(*singles[:number])


def test_all_problems_are_told_at_once(singles, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        read(singles[0], singles[0], tmp_path / "gone", tmp_path / "empty")
    assert [problem.split(" ", 1)[1].split(";")[0] for problem in caught.value.problems] == [
        "is named twice",
        "is no folder",
        "holds no finished run",
    ]


def test_one_folder_by_two_paths_is_named_twice(singles):
    with pytest.raises(UserError, match="is named twice"):
        read(singles[0], singles[0] / ".." / "loud")


def test_a_stack_is_refused(singles, tmp_path):
    stack = shutil.copytree(singles[0], tmp_path / "stack")
    (stack / "stack.json").write_text("{}")
    with pytest.raises(UserError, match=r"is a stack itself; name its members instead"):
        read(singles[1], stack)


@pytest.mark.parametrize("file", ["predictions/val.csv", "predictions/test.csv", "split.csv", "checkpoints/best.ckpt"])
def test_what_a_run_lacks_is_named(singles, tmp_path, file):
    run = shutil.copytree(singles[0], tmp_path / "run")
    (run / file).unlink()
    with pytest.raises(UserError, match=f"run has no {file}: "):
        read(singles[1], run)


def test_a_repeated_and_a_missing_fold_are_told_together(copies):
    change(copies[0] / "2" / "metrics.json", split_fold=1)
    with pytest.raises(UserError) as caught:
        read(*copies)
    assert [problem.split("loud ")[1].split(":")[0].split(";")[0] for problem in caught.value.problems] == [
        "holds fold 1 more than once",
        "lacks fold 3 of 3",
    ]


def test_runs_of_several_configurations_are_no_member(copies):
    change(copies[0] / "1" / "config.yaml", seed=1, model={"backbone": "resnet50"})
    with pytest.raises(UserError, match=r"several configurations, which differ in model\.backbone, seed;"):
        read(*copies)


def test_where_a_fold_was_trained_does_not_count(copies):
    change(copies[0] / "1" / "config.yaml", cache_dir="elsewhere", trainer={"devices": 4})
    assert len(read(*copies)[0].runs) == 3


@pytest.mark.parametrize("changes", [{"trainer": {"max_epochs": 50}}, {"seed": 1}, {"on_bad_audio": "skip"}])
def test_folds_that_were_trained_otherwise_are_no_member(copies, changes):
    change(copies[0] / "1" / "config.yaml", **changes)
    with pytest.raises(
        UserError, match=r"several configurations, which differ in (trainer\.max_epochs|seed|on_bad_audio);"
    ):
        read(*copies)


def test_folds_of_splits_by_other_chance_are_no_member(copies):
    change(copies[0] / "1" / "metrics.json", split_seed=3)
    with pytest.raises(UserError, match=r"several configurations, which differ in split\.seed;"):
        read(*copies)


def test_an_evaluation_is_no_member(singles, tmp_path):
    run = shutil.copytree(singles[0], tmp_path / "run")
    change(run / "config.yaml", run="outputs/a/latest")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match=r"is an evaluation and has no model: name the run that was trained, outputs/a"):
        read(singles[1], run)


def test_a_multirun_without_folds_is_no_member(copies):
    for k in range(3):
        change(copies[0] / str(k) / "metrics.json", split_fold=None, split_folds=None)
    with pytest.raises(UserError, match=r"loud holds 3 runs that are not the folds of one split"):
        read(*copies)
