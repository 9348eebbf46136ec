"""Every option of every group composes, fits its constructor, and shows every key that the constructor takes."""

import importlib
import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from ser_lightning.cli import conf_dir
from ser_lightning.config import (
    DescribeSettings,
    DownloadSettings,
    EvaluateSettings,
    PrepareSettings,
    StackSettings,
    SummarizeSettings,
    TrainSettings,
    config_problems,
    plain,
)
from ser_lightning.downloads.command import PLACES, check_download
from ser_lightning.schema import find_target

OPTIONS = sorted(
    (path.parent.name, path.stem)
    for path in conf_dir().glob("*/*.yaml")
    if path.parent.name not in ("experiment", "sweep")
)
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
FIXED = {"name"}
"""Parameters that are what the object is called, not what a user sets."""


def composed(*overrides, config_name="train"):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return plain(compose(config_name, list(overrides)))


def test_there_are_options_to_look_at():
    assert len(OPTIONS) > 20
    assert set(EXPERIMENTS) == {"demo", "effb0", "effb7", "effb7_four", "resnet18", "resnet50"}


def required(group, option):
    """What an option cannot do without."""
    return ["corpus.names=[tess]"] if (group, option) == ("corpus", "several") else []


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_fits_its_constructor(group, option):
    config = composed(f"{group}={option}", *required(group, option))
    assert config_problems(config, TrainSettings) == []


@pytest.mark.parametrize(("group", "option"), [pair for pair in OPTIONS if pair[0] != "logger"])
def test_every_key_is_shown(group, option):
    node = composed(f"{group}={option}")[group]
    parameters = inspect.signature(find_target(node["_target_"])).parameters.values()
    settable = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY} - FIXED
    assert settable <= set(node)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize(
    "swap", [[], ["split=speaker"], ["split=random"], ["augment=none"], ["model=effb0"], ["trainer=debug"]]
)
def test_an_experiment_fits_with_any_group_swapped(experiment, swap):
    assert config_problems(composed(f"+experiment={experiment}", *swap), TrainSettings) == []


def test_the_classic_experiment_is_the_classic_one():
    config = composed("+experiment=effb7")
    assert config["label_set"] == "paper7"
    assert config["loss"]["weights"] == "inverse"
    assert config["trainer"]["max_epochs"] == 5
    assert config["data"]["batch_size"] == 10
    assert config["model"]["pretrained"]
    assert config["split"]["test_fraction"] == 0.2
    assert not config["split"]["stratify"]


def test_describe_fits():
    assert config_problems(composed(config_name="describe"), DescribeSettings) == []


def test_prepare_fits():
    assert config_problems(composed(config_name="prepare"), PrepareSettings) == []


@pytest.mark.parametrize(
    "more", [[], ["corpus=tess"], ["corpus=several", "corpus.names=[tess]", "split=kfold"], ["split=emobox"]]
)
def test_evaluate_fits(more):
    assert config_problems(composed("run=RUN", *more, config_name="evaluate"), EvaluateSettings) == []


def test_summarize_fits():
    assert config_problems(composed("runs=multirun/demo", config_name="summarize"), SummarizeSettings) == []


@pytest.mark.parametrize("meta", ["random_forest", "extra_trees", "gradient_boosting", "logistic"])
def test_stack_fits(meta):
    config = composed("runs=[outputs/a/latest,multirun/b]", f"meta={meta}", config_name="stack")
    assert config_problems(config, StackSettings) == []


@pytest.mark.parametrize("sweep", sorted(path.stem for path in (conf_dir() / "sweep").glob("*.yaml")))
@pytest.mark.parametrize("more", [[], ["+experiment=demo"], ["model=effb0"]])
def test_a_sweep_fits(sweep, more):
    assert config_problems(composed(*more, f"+sweep={sweep}"), TrainSettings) == []


def test_download_fits():
    config = composed(config_name="download")
    assert config_problems(config, DownloadSettings) == []
    assert set(config["places"]) == set(PLACES)


@pytest.mark.parametrize("corpus", PLACES)
def test_download_and_the_corpus_agree_on_where_it_comes_from(corpus):
    config = composed(f"corpus={corpus}", config_name="download")
    check_download(config)
    about = config["places"][corpus]["about"]
    origin = importlib.import_module(f"ser_lightning.corpora.{corpus}").ORIGIN
    assert (about["title"], about["licence"], about["citation"]) == (origin.title, origin.licence, origin.citation)


@pytest.mark.parametrize("path", sorted(conf_dir().rglob("*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_says_first_what_it_is(path: Path):
    lines = [line for line in path.read_text().splitlines() if line != "# @package _global_"]
    assert lines[0].startswith("# ")
    assert len(lines[0]) > 20
