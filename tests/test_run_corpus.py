"""The corpus that a run's config names, where the run may be a stranger's: what is built of it, and where it goes."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import read_finished
from ser_lightning.run_corpus import own_corpus, own_hashes

CORPORA = "ser_lightning.corpora"
SYNTHETIC = f"{CORPORA}.synthetic.Synthetic"


@pytest.fixture
def run_of(tiny_run, tmp_path):
    """The tiny run with another corpus in its config."""

    def make(node):
        run = tmp_path / "run"
        shutil.copytree(tiny_run, run)
        about = yaml.safe_load((run / "config.yaml").read_text())
        (run / "config.yaml").write_text(yaml.safe_dump({**about, "corpus": node}))
        return read_finished(run)

    return make


@pytest.fixture
def mine(tmp_path):
    """The caller's own places."""
    return {"cache_dir": str(tmp_path / "cache"), "data_dir": str(tmp_path / "data")}


def table(tone_corpus, **changes):
    return {"_target_": f"{CORPORA}.table.Table", "root": str(tone_corpus), "table": None, "name": "table"} | changes


def test_the_corpus_of_the_run_is_built(tiny_run, mine):
    node, corpus = own_corpus(read_finished(tiny_run), mine)
    assert node == yaml.safe_load((tiny_run / "config.yaml").read_text())["corpus"]
    assert (corpus.name, len(corpus.scan().clips)) == ("table", 60)


@pytest.mark.parametrize("where", ["the corpus", "a member", "another place of it"])
def test_that_of_a_stranger_is_never_imported(where, run_of, mine, tmp_path, monkeypatch):
    (tmp_path / "strange_corpus.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\nCorpus = dict\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    strange = {"_target_": "strange_corpus.Corpus"}
    several = {"_target_": f"{CORPORA}.several.Several", "names": ["x"], "members": {"x": strange}}
    node = {"the corpus": strange, "a member": several, "another place of it": table("x", root=[strange])}[where]
    with pytest.raises(UserError, match=r"is strange_corpus\.Corpus, which is none of ours and is not built") as caught:
        own_corpus(run_of(node), mine)
    assert "corpus=NAME corpus.root=DIR" in str(caught.value)
    assert not (tmp_path / "imported").exists()
    assert "strange_corpus" not in sys.modules


@pytest.mark.parametrize(
    "changes", [{"root": "${oc.env:SECRET}"}, {"emotions": {"${oc.env:SECRET}": "sad"}}], ids=["value", "key"]
)
def test_no_interpolation_is_resolved(run_of, mine, tone_corpus, monkeypatch, changes):
    monkeypatch.setenv("SECRET", "/secret-value")
    with pytest.raises(UserError, match=r"holds \$\{, which a resolved config does not") as caught:
        own_corpus(run_of(table(tone_corpus, **changes)), mine)
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("name", ["../../evil", "a/b", "a\\b", ".."])
def test_a_name_that_leaves_the_cache_is_refused(run_of, mine, tone_corpus, name):
    with pytest.raises(UserError, match="becomes part of a folder's"):
        own_corpus(run_of(table(tone_corpus, name=name)), mine)


def test_a_name_of_several_that_leaves_the_cache_is_refused(run_of, mine, tone_corpus):
    node = {
        "_target_": f"{CORPORA}.several.Several",
        "_recursive_": False,
        "names": ["../x"],
        "members": {"../x": table(tone_corpus)},
    }
    with pytest.raises(UserError, match=r"config\.yaml: the name '\.\./x' becomes part of a folder's"):
        own_corpus(run_of(node), mine)


def test_what_is_made_goes_into_the_cache_of_the_caller(run_of, mine, tmp_path):
    places = {"root": str(tmp_path / "home"), "cache_dir": str(tmp_path / "theirs")}
    run = run_of({"_target_": SYNTHETIC, **places, "seed": 0, "num_speakers": 2, "num_texts": 1})
    _, corpus = own_corpus(run, mine)
    assert len(corpus.scan().clips) == 14
    assert [path.name for path in tmp_path.iterdir() if path.name in ("home", "theirs", "cache")] == ["cache"]
    assert corpus.folder.parent == Path(mine["cache_dir"])


def test_what_a_member_makes_goes_there_too(run_of, mine, tmp_path):
    made = {"_target_": SYNTHETIC, "root": None, "cache_dir": "theirs", "num_speakers": 2, "num_texts": 1}
    node = {
        "_target_": f"{CORPORA}.several.Several",
        "_recursive_": False,
        "names": ["made"],
        "members": {"made": made},
        "roots": {"made": str(tmp_path / "home")},
    }
    _, corpus = own_corpus(run_of(node), mine)
    assert {Path(path).parents[1] for path in corpus.scan().clips["path"]} == {Path(mine["cache_dir"])}
    assert not (tmp_path / "home").exists()


def test_the_folder_of_corpora_is_that_of_the_caller(run_of, mine):
    node = {"_target_": f"{CORPORA}.tess.Tess", "root": None, "data_dir": "/theirs"}
    with pytest.raises(UserError) as caught:
        own_corpus(run_of(node), mine)
    assert mine["data_dir"] in str(caught.value)
    assert "/theirs" not in str(caught.value)


def test_what_only_hydra_reads_is_left_out(run_of, mine, tone_corpus):
    _, corpus = own_corpus(run_of(table(tone_corpus, _partial_=True)), mine)
    assert corpus.name == "table"


def test_clips_of_a_corpus_that_is_not_built_have_no_hashes(run_of, mine):
    assert own_hashes(run_of({"_target_": "strange_corpus.Corpus"}), mine) is None
