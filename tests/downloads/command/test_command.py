"""`download` as a user calls it: what is placed, what each fault says and leaves, and that a second call completes."""

import filelock
import pytest

from ser_lightning.corpora.emodb import EmoDB
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.download import download


def failed(done, *words):
    """One message, no traceback."""
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    assert done.message.count("\n") == 0
    for word in words:
        assert word in done.message


@pytest.mark.parametrize("case", ["ravdess", "emodb", "tess", "cremad"], indirect=True)
def test_a_corpus_is_placed_where_its_parser_finds_it(case, commanded, data_dir, server, final):
    done = commanded(case)
    assert done.code == 0, done.err
    assert final() == case.placed
    assert [path.name for path in data_dir.glob(".*")] == []
    clips = case.parser(data_dir="data").scan().clips
    assert len(clips) == sum(name.endswith(".wav") for name in case.placed)
    for told in ("licence ", "cite ", "size ", f"data/{next(iter(case.placed)).partition('/')[0]}", "placed: "):
        assert told in done.out
    assert done.out.endswith(f"next: python -m ser_lightning.train corpus={case.corpus}\n")
    asked = len(server.asked)
    again = commanded(case)
    assert again.code == 0
    assert f"is complete: {len(case.placed)} files" in again.out
    assert len(server.asked) == asked


def test_a_missing_and_a_damaged_file_are_brought_back(case, called, data_dir, completes, small):
    called(case)
    first, second, *others = sorted(path for path in data_dir.rglob("*.wav"))
    before = others[0].stat() if others else None
    first.unlink()
    second.write_bytes(b"something else")
    completes(case)
    if others:
        assert others[0].stat().st_mtime_ns == before.st_mtime_ns


def test_a_failure_is_told_once_by_the_command_line(commanded, data_dir, server, small):
    case = small.tess()
    server.files |= case.serve
    server.statuses[case.victim] = [404]
    done = commanded(case)
    assert done.code == 1
    assert "Traceback" not in done.err
    message = done.err.partition("the run failed:")[2]
    assert "the file is not there any more" in message
    assert message.count("\n") == 1


def test_what_a_kill_after_placing_left_is_removed(case, called, data_dir, server, final, tmp_path):
    server.cuts[case.victim] = [50_000, 0]
    failed(called(case), "the connection was cut")
    [scratch] = data_dir.glob(".*")
    (scratch / "big.zip").write_bytes(bytes(1000))
    scratch.rename(tmp_path / "kept")
    assert called(case).code == 0
    (tmp_path / "kept").rename(scratch)
    with filelock.FileLock(scratch / "lock"):
        alone = called(case)
    assert alone.code == 2
    assert "another download works in" in alone.err
    assert (scratch / "big.zip").exists()
    assert "is complete" in called(case).out
    assert list(data_dir.glob(".*")) == []
    assert final() == case.placed


FAULTS = {
    "cut": lambda server, path: server.cuts[path].extend([50_000, 0, 0]),
    "gone": lambda server, path: server.statuses[path].extend([404]),
    "refused": lambda server, path: server.statuses[path].extend([403]),
    "out of order": lambda server, path: server.statuses[path].extend([500, 502]),
    "damaged": lambda server, path: server.files.update({path: bytes(len(server.files[path]))}),
    "truncated": lambda server, path: server.files.update({path: server.files[path][:-9]}),
}
TOLD = {
    "cut": ("cannot be reached or does not go on: the connection was cut", "the same command goes on from there"),
    "gone": ("404", "the file is not there any more"),
    "refused": ("403", "the server refuses it"),
    "out of order": ("502", "try again later"),
    "damaged": ("does not match the known hash: expected",),
    "truncated": ("it was replaced",),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_nothing_is_placed_and_a_second_call_completes(
    fault, case, called, data_dir, server, final, completes
):
    FAULTS[fault](server, case.victim)
    failed(called(case), *TOLD[fault])
    assert final() == {}
    server.files |= case.serve
    server.statuses.clear()
    server.cuts.clear()
    completes(case)
    assert server.sent[case.victim] < 2.1 * len(case.serve[case.victim])


def test_without_a_server(case, called, data_dir, server, completes, small):
    nobody = [word.replace(server.url, "http://127.0.0.1:9") for word in case.overrides]
    failed(
        called(small.Case(case.corpus, nobody, {}, "", case.parser)),
        "127.0.0.1:9 cannot be reached",
        "connection refused",
    )
    assert list(data_dir.iterdir()) == []
    completes(case)


def test_what_came_before_a_fault_is_not_fetched_again(called, data_dir, server, completes, small):
    case = small.tess()
    server.files |= case.serve
    server.statuses["/api/access/datafile/7007"] = [404]
    failed(called(case, "threads=1"), "404")
    completes(case)
    audio_sent = [sent for path, sent in server.sent.items() if "datafile/" in path and not path.endswith("7007")]
    assert audio_sent == [100_000] * 7


def test_speech_and_song_lie_side_by_side(called, data_dir, server, final, small):
    archives = {
        "speech": small.SPEECH,
        "song": small.SONG,
    }
    both = small.zenodo("ravdess", "RAVDESS", archives, Ravdess, channel="both")
    server.files |= both.serve
    speech = called(small.Case("ravdess", both.overrides[:-1], {}, "", Ravdess))
    assert speech.code == 0
    assert len(final()) == 4
    done = called(both)
    assert done.code == 0, done.err
    assert final() == both.placed
    assert "is complete: 4 files" in done.out
    assert done.out.endswith("corpus=ravdess corpus.channel=both\n")
    assert len(Ravdess(data_dir="data", channel="both").scan().clips) == 6
    assert len(Ravdess(data_dir="data", channel="song").scan().clips) == 2


@pytest.mark.parametrize("evil", ["../evil.wav", "/tmp/evil.wav"])
def test_an_archive_that_leads_outside_is_refused(evil, called, data_dir, server, small):
    case = small.zenodo("emodb", "EmoDB", {"speech": ("emodb.zip", [*small.EMODB, evil])}, EmoDB)
    server.files |= case.serve
    failed(called(case), "would be written outside its folder")
    assert list(data_dir.rglob("*")) == []


def test_pointers_of_another_commit_are_refused(called, data_dir, server, final, completes, small):
    case = small.cremad()
    name = f"/archive/{small.COMMIT}.zip"
    other = {f"x/{path}": b"other" for path in (f"AudioWAV/{small.CREMAD[0]}", *small.TABLES)}
    server.files |= {**case.serve, name: small.zip_of(other)}
    failed(called(case), "has the git id", "expected")
    assert final() == {}
    server.files |= case.serve
    completes(case)


def test_somebody_elses_folder_is_not_touched(case, called, data_dir, server, final):
    own = data_dir / next(iter(case.placed)).partition("/")[0] / "own.wav"
    own.parent.mkdir()
    own.write_bytes(b"own")
    done = called(case)
    assert done.code == 2
    assert "is there already and was not made by this command" in done.err
    assert final() == {own.relative_to(data_dir).as_posix(): b"own"}
    assert server.asked == []


def test_savee_is_explained(run_job, data_dir):
    done = run_job(download, "download", ["corpus=savee"])
    assert done.code == 2
    for word in ("http://personal.ee.surrey.ac.uk/Personal/P.Jackson/SAVEE/Register.html", "DC, JE, JK and KL"):
        assert word in done.err
    assert "as data/SAVEE, then python -m ser_lightning.train corpus=savee" in done.err
    assert "no redistribution" in done.err


MISTAKES = {
    "no corpus": ([], "say which corpus: corpus=ravdess|cremad|tess|emodb|savee"),
    "misspelt corpus": (["corpus=ravdes"], "there is no corpus 'ravdes'; did you mean 'ravdess'?"),
    "a corpus that is made": (["corpus=synthetic"], "corpus=synthetic: there is nothing to download"),
    "several": (["corpus=[tess,ravdess]"], "one corpus only"),
    "misspelt key": (["corpus=tess", "thread=3"], "thread: no such key; did you mean 'threads'?"),
    "misspelt place": (["corpus=tess", "+places.tes={}"], "places.tes: no such key; did you mean 'tess'?"),
    "misspelt key of a place": (["corpus=tess", "+places.tess.dio=1"], "places.tess.dio: no such key"),
    "no address": (["corpus=tess", "places.tess.url=borealisdata.ca"], "an address starts with http:// or https://"),
    "no checksum": (["corpus=emodb", "places.emodb.archives.speech.checksum=12"], "checksum"),
    "channel": (["corpus=ravdess", "corpus.channel=sing"], "corpus.channel='sing': input should be 'speech', 'song'"),
    "root": (["corpus=tess", "corpus.root=x"], "corpus.root has no effect on a download; say where"),
    "a folder outside": (
        ["corpus=ravdess", "places.ravdess.folder=../../escape"],
        "places.ravdess.folder='../../escape': a folder is a path below data_dir: relative, with /, without '..'",
    ),
    "an absolute folder": (["corpus=tess", "places.tess.folder=/tmp/a"], "places.tess.folder='/tmp/a': a folder is"),
    "an archive outside": (
        ["corpus=emodb", "places.emodb.archives.speech.name=../../a.zip"],
        "a file's name is without / and '..'",
    ),
    "no commit": (["corpus=cremad", "places.cremad.commit=../a"], "a commit is 40 hexadecimal digits"),
    "no tries": (["corpus=tess", "tries=0"], "tries=0: input should be greater than or equal to 1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_and_nothing_begun(name, run_job, data_dir):
    overrides, message = MISTAKES[name]
    done = run_job(download, "download", overrides)
    assert done.code == 2
    assert message in done.err
    assert list(data_dir.iterdir()) == []
