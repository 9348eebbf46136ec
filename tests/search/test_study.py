"""A search has exactly its trials: none twice, none lost where it was broken off, those that failed once more."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.search.found import best_trials, experiment_names, importances, in_order
from ser_lightning.search.methods import make_pruner, make_sampler
from ser_lightning.search.objectives import check_objectives, objective_values
from ser_lightning.search.study import PRUNED, Search, open_storage

CONTINUOUS = {"x": FloatDistribution(0.0, 1.0)}
SMALL = {"a": IntDistribution(1, 3), "b": CategoricalDistribution(["p", "q"])}


@pytest.fixture
def make_search(tmp_path):
    """The search of a command: `make_search(space, num_trials)`; a second one opens the same study."""

    def make(space, num_trials, *, sampler="tpe", directions=("maximize",), settings=None, folder="s"):
        (tmp_path / folder).mkdir(exist_ok=True)
        search = Search(
            open_storage(f"sqlite:///{tmp_path / 'study.db'}"),
            name="s",
            folder=tmp_path / folder,
            space=space,
            directions=directions,
            settings=settings or {"space": "one"},
            num_trials=num_trials,
        )
        search.use(
            make_sampler({"name": sampler, "seed": 0}, num_before=len(search.trials)), make_pruner({"name": "none"})
        )
        return search

    return make


def run(search, size=1, value=lambda params: 0.0):
    """Run all that is missing, as the sweeper does."""
    numbers = []
    waiting = search.begin()
    while points := waiting[:size] or search.next_points(size):
        waiting = waiting[size:]
        for point in points:
            numbers.append(point.number)
            search.complete(point.number, [value(point.params)])
    return numbers


@pytest.mark.parametrize("size", [1, 4])
def test_a_search_has_as_many_trials_as_asked_and_goes_on_to_more(make_search, size):
    assert run(make_search(CONTINUOUS, 5), size) == [0, 1, 2, 3, 4]
    assert run(make_search(CONTINUOUS, 5), size) == []
    search = make_search(CONTINUOUS, 8)
    assert run(search, size) == [5, 6, 7]
    assert len({trial.params["x"] for trial in search.trials}) == 8


def test_trials_that_were_broken_off_are_taken_up_with_their_own_points(make_search):
    search = make_search(CONTINUOUS, 5)
    first = search.next_points(3)
    search.complete(first[0].number, [1.0])
    again = make_search(CONTINUOUS, 5)
    assert again.begin() == first[1:]
    assert len(again.next_points(9)) == 2


def test_another_machines_trials_are_its_own(make_search):
    theirs = make_search(CONTINUOUS, 5, folder="there").next_points(2)
    here = make_search(CONTINUOUS, 5)
    assert here.begin() == []
    assert [point.number for point in here.next_points(9)] == [2, 3, 4]
    assert [point.number for point in theirs] == [0, 1]


def test_a_trial_broken_off_before_its_point_was_drawn_is_none(make_search):
    search = make_search(SMALL, 3)
    search.study.ask({"a": SMALL["a"]})  # as where the process was killed between two parameters
    again = make_search(SMALL, 3)
    assert again.begin() == []
    assert len(run(again)) == 3


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_finite_space_is_run_through_once_and_no_further(make_search, sampler):
    search = make_search(SMALL, 20, sampler=sampler)
    assert len(run(search)) == 6
    assert search.exhausted
    assert len({(trial.params["a"], trial.params["b"]) for trial in search.trials}) == 6
    assert run(make_search(SMALL, 20, sampler=sampler)) == []


def test_a_failed_trial_counts_now_and_is_tried_again_by_the_next_command(make_search):
    search = make_search(SMALL, 3)
    [bad] = search.next_points(1)
    search.fail(bad.number)
    others = search.next_points(9)
    assert len(others) == 2
    for point in others:
        search.complete(point.number, [0.0])
    again = make_search(SMALL, 3)
    assert again.begin() == []
    [once_more] = again.next_points(9)
    assert once_more.params == bad.params
    again.complete(once_more.number, [0.5])
    assert run(make_search(SMALL, 3)) == []


def test_the_best_is_found_and_pruned_trials_count(make_search):
    search = make_search(CONTINUOUS, 25)
    [pruned] = search.next_points(1)
    search.study.tell(pruned.number, state=PRUNED)
    run(search, value=lambda params: -((params["x"] - 0.3) ** 2))
    assert search.num_finished == 25
    [best] = best_trials(search)
    assert best.params["x"] == pytest.approx(0.3, abs=0.05)
    assert in_order(search)[0].number == best.number
    assert in_order(search)[-1].state is TrialState.PRUNED
    assert importances(search) == {}


def test_two_objectives_have_a_front(make_search):
    search = make_search(CONTINUOUS, 12, sampler="nsga2", directions=("maximize", "minimize"))
    for point in search.next_points(12):
        search.complete(point.number, [point.params["x"], point.params["x"] ** 2])
    front = best_trials(search)
    assert len(front) == 12
    assert experiment_names(front[:2]) == [f"best_{front[0].number}", f"best_{front[1].number}"]
    assert experiment_names(front[:1]) == ["best"]


def test_the_importance_is_that_of_what_matters(make_search):
    space = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
    search = make_search(space, 30, sampler="random")
    run(search, value=lambda params: params["x"])
    shares = importances(search)
    assert shares["x"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)


def test_another_search_of_the_same_name_is_refused(make_search):
    make_search(CONTINUOUS, 3, settings={"space": "one", "objectives": "o"})
    with pytest.raises(UserError, match=r"there is a search 's' already, with another space and objectives"):
        make_search(SMALL, 3, settings={"space": "two", "objectives": "p"})


def test_a_storage_that_cannot_be_opened_is_told():
    with pytest.raises(UserError, match=r"hydra.sweeper.storage cannot be opened: "):
        open_storage("nosuchdatabase://here")


def test_methods_are_optunas_and_their_options_are_checked():
    assert isinstance(make_sampler({"name": "cmaes", "seed": 1}, num_before=2), optuna.samplers.CmaEsSampler)
    assert isinstance(make_pruner({"name": "hyperband", "min_resource": 1}), optuna.pruners.HyperbandPruner)
    with pytest.raises(UserError, match=r"sampler.name=tpee: there is no such sampler; did you mean 'tpe'"):
        make_sampler({"name": "tpee"}, num_before=0)
    with pytest.raises(UserError, match=r"pruner.n_warmup: 'median' has no such option; did you mean 'n_warmup_steps'"):
        make_pruner({"name": "median", "n_warmup": 1})
    with pytest.raises(UserError, match=r"hydra.sweeper.pruner: .*[Nn]umber of warmup steps cannot be negative"):
        make_pruner({"name": "median", "n_warmup_steps": -1})


def test_the_test_part_is_no_objective():
    with pytest.raises(UserError) as told:
        check_objectives({"test.accuracy": "maximize", "val.ece": "down"}, pruned=True)
    assert len(told.value.problems) == 3
    assert "what is chosen by its score on the test part has no honest test score" in told.value.problems[0]
    with pytest.raises(UserError, match="are known after every epoch"):
        check_objectives({"val.ece": "minimize"}, pruned=True)
    assert check_objectives({"val.ece": "minimize"}, pruned=False) == {"val.ece": "minimize"}


def test_objectives_are_read_from_a_run(tiny_run):
    found = objective_values(tiny_run, {"val.per_class.sad.recall": "maximize", "val.log_loss": "minimize"})
    assert 0 <= found[0] <= 1
    with pytest.raises(RunFailedError, match=r"has no number val.acuracy; of val it has balanced_accuracy, accuracy"):
        objective_values(tiny_run, {"val.acuracy": "maximize"})
