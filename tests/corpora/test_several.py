"""Several corpora as one, from the command line too."""

import polars as pl
import pytest
import soundfile

from ser_lightning.corpora.several import Several
from ser_lightning.errors import UserError
from ser_lightning.prepare import prepare

MEMBERS = {
    name: {"_target_": f"ser_lightning.corpora.{name}.{name.title()}", "root": None, "data_dir": "/nowhere"}
    for name in ("ravdess", "tess")
}


@pytest.fixture
def folders(tmp_path, write_noise):
    for name in ("tess/OAF_back_angry.wav", "tess/YAF_back_sad.wav", "ravdess/03-01-05-01-01-01-12.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_noise(tmp_path / name)
    return tmp_path


def test_the_clips_of_all_are_listed_under_their_own_corpus(folders):
    roots = {"ravdess": str(folders / "ravdess"), "tess": str(folders / "tess")}
    several = Several(names=["ravdess", "tess"], members=MEMBERS, roots=roots)
    assert several.name == "ravdess+tess"
    listed = several.scan().clips.select("corpus", "speaker", "emotion").rows()
    assert listed == [("ravdess", "actor12", "angry"), ("tess", "OAF", "angry"), ("tess", "YAF", "sad")]


def test_a_root_of_a_corpus_that_is_not_named_is_refused(folders):
    with pytest.raises(UserError, match=r"corpus.roots.ravdess=/x has no effect, as corpus.names has no 'ravdess'"):
        Several(names=["tess"], members=MEMBERS, roots={"tess": str(folders / "tess"), "ravdess": "/x"})


def test_a_corpus_that_is_not_named_is_not_looked_for(folders):
    assert len(Several(names=["tess"], members=MEMBERS, roots={"tess": str(folders / "tess")}).scan().clips) == 2


def test_everything_wrong_is_told_at_once():
    with pytest.raises(UserError) as told:
        Several(names=["savee", "tess", "tess"], members=MEMBERS, roots={"ravdes": "/x"})
    text = str(told.value)
    assert "there is no corpus 'savee'" in text
    assert "there is no corpus 'ravdes'; did you mean 'ravdess'?" in text
    assert "'tess' is listed twice" in text
    assert "corpus.roots.tess=DIR" in text


def test_mistakes_of_a_member_bear_its_own_keys(folders):
    cremad = {"_target_": "ser_lightning.corpora.cremad.CremaD", "root": str(folders), "data_dir": "/x", "soft": True}
    members = MEMBERS | {"cremad": cremad, "mine": MEMBERS["tess"]}
    with pytest.raises(UserError) as told:
        Several(names=["cremad", "mine"], members=members, roots={"mine": "/none"})
    assert told.value.problems == [
        "corpus.members.cremad.soft needs votes: "
        "set corpus.members.cremad.labels=voice or audiovisual, or leave soft out",
        "corpus.roots.mine must be the folder that holds tess: /none does not exist",
    ]


def test_what_scans_find_wrong_is_told_at_once(tmp_path):
    (tmp_path / "03-02-05-01-01-01-12.wav").touch()
    roots = {"ravdess": str(tmp_path), "tess": str(tmp_path)}
    with pytest.raises(UserError) as told:
        Several(names=["ravdess", "tess"], members=MEMBERS, roots=roots).scan()
    song, tess = told.value.problems
    assert song.endswith("set corpus.members.ravdess.channel, or corpus.roots.ravdess to the folder of both")
    assert tess.startswith(f"TESS: no file below {tmp_path} is named like")


def test_all_corpora_that_are_read_are_members(tmp_path, run_job, write_noise):
    names = ("DC_a01", "1001_DFA_SAD_XX", "OAF_back_fear", "03-01-03-01-01-01-12", "03a02Wb")
    for seed, (corpus, name) in enumerate(zip(("savee", "cremad", "tess", "ravdess", "emodb"), names, strict=True)):
        write_noise(tmp_path / corpus / f"{name}.wav", seed=seed)
    overrides = ["corpus=several", "corpus.names=[savee,cremad,tess,ravdess,emodb]", f"data_dir={tmp_path}"]
    done = run_job(prepare, "prepare", [*overrides, f"cache_dir={tmp_path / 'cache'}"])
    assert done.code == 0, done.err
    assert "5 clips, 5 speakers" in done.out


def test_the_command_of_the_documentation(folders, run_job):
    overrides = ["corpus=several", "corpus.names=[ravdess,tess]", f"corpus.roots.ravdess={folders / 'ravdess'}"]
    done = run_job(prepare, "prepare", [*overrides, f"data_dir={folders}", f"cache_dir={folders / 'cache'}"])
    assert done.code == 0, done.err
    assert "3 clips, 3 speakers" in done.out


def test_words_of_a_table_become_emotions(tmp_path, run_job, write_noise):
    write_noise(tmp_path / "a.wav")
    pl.DataFrame({"path": ["a.wav"], "emotion": ["joyful"]}).write_csv(tmp_path / "t.csv")
    overrides = ["corpus=table", f"corpus.root={tmp_path / 't.csv'}", "corpus.emotions={joyful: happy}"]
    done = run_job(prepare, "prepare", [*overrides, f"cache_dir={tmp_path / 'cache'}"])
    assert done.code == 0, done.err
    assert soundfile.info(tmp_path / "a.wav").frames > 0
