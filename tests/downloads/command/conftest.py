"""Small corpora on our own web server, by true names, and `download` called on them."""

import contextlib
import functools
import hashlib
import io
import json
import random
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from ser_lightning.cli import conf_dir
from ser_lightning.corpora.cremad import CremaD
from ser_lightning.corpora.emodb import EmoDB
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.tess import Tess
from ser_lightning.download import download
from ser_lightning.downloads.lfs import git_id
from ser_lightning.errors import RunFailedError, UserError

SPEECH = (
    "Audio_Speech_Actors_01-24.zip",
    [f"Actor_{actor:02}/03-01-0{emotion}-01-01-01-{actor:02}.wav" for actor in (1, 2) for emotion in (3, 5)],
)
SONG = "Audio_Song_Actors_01-24.zip", [f"Actor_01/03-02-0{emotion}-01-01-01-01.wav" for emotion in (3, 5)]
EMODB = ["wav/03a01Fa.wav", "wav/03a01Nc.wav", "db.yaml"]
TESS = [f"{speaker}_{word}_angry.wav" for speaker in ("OAF", "YAF") for word in ("back", "bar", "base", "bath")]
TESS_LIST = "/api/datasets/:persistentId/"
CREMAD = ["1001_DFA_ANG_XX.wav", "1001_DFA_DIS_XX.wav", "1002_IEO_HAP_HI.wav"]
TABLES = ["VideoDemographics.csv", "processedResults/tabulatedVotes.csv"]
COMMIT = "1658cd342dff90010aa843eaeebd53610a08b1dc"


@functools.cache
def audio(name, num_bytes=100_000):
    return random.Random(name).randbytes(num_bytes)


def zip_of(contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of 1980, so that its checksum stays
    return file.getvalue()


@dataclass
class Case:
    """A corpus on the server: overrides, the files that must be placed, and the address that faults are tried on."""

    corpus: str
    overrides: list
    placed: dict
    victim: str
    parser: type
    serve: dict = field(default_factory=dict)


def zenodo_case(server, corpus, folder, archives, parser, channel=None):
    """`archives`: {key: (name, member names)}."""
    placed, overrides, serve = {}, [f"places.{corpus}.url={server.url}/files/"], {}
    for key, (name, members) in archives.items():
        contents = {member: audio(member) for member in members}
        packed = zip_of(contents)
        serve[f"/files/{name}"] = packed
        node = f"places.{corpus}.archives.{key}"
        overrides += [
            f"{node}.num_bytes={len(packed)}",
            f"{node}.checksum='md5:{hashlib.md5(packed).hexdigest()}'",
            f"{node}.most_bytes={sum(map(len, contents.values()))}",
        ]
        placed |= {f"{folder}/{Path(name).stem}/{member}": content for member, content in contents.items()}
    overrides += [f"corpus.channel={channel}"] if channel else []
    return Case(corpus, overrides, placed, next(iter(serve)), parser, serve)


def tess_list(*changes):
    """The dataset's JSON, after each of `changes` to the list of its files."""
    files = [
        {
            "label": name,
            "restricted": False,
            "dataFile": {"id": 7000 + number, "filesize": 100_000, "md5": hashlib.md5(audio(name)).hexdigest()},
        }
        for number, name in enumerate(TESS)
    ]
    for change in changes:
        change(files)
    return {TESS_LIST: json.dumps({"status": "OK", "data": {"id": 1, "latestVersion": {"files": files}}}).encode()}


def tess(server):
    contents = {name: audio(name) for name in TESS}
    serve = {f"/api/access/datafile/{7000 + number}": content for number, content in enumerate(contents.values())}
    serve |= tess_list()
    overrides = [f"places.tess.url={server.url}", "places.tess.num_files=8", "places.tess.num_bytes=800000"]
    placed = {f"TESS/{name}": content for name, content in contents.items()}
    return Case("tess", overrides, placed, "/api/access/datafile/7003", Tess, serve)


def cremad(server, folder):
    clips = {f"AudioWAV/{name}": audio(name) for name in CREMAD}
    pointers = {
        path: f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(clip).hexdigest()}\n"
        f"size {len(clip)}\n".encode()
        for path, clip in clips.items()
    }
    tables = {name: f"Table,{name}\n1,2\n".encode() * 20 for name in TABLES}
    for path, content in {**pointers, **tables}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    others = {"VideoFlash/1001_DFA_ANG_XX.flv": b"pointer", "README.md": b"readme"}
    archive = zip_of({f"CREMA-D-{COMMIT}/{path}": text for path, text in {**pointers, **tables, **others}.items()})
    serve = {f"/archive/{COMMIT}.zip": archive}
    serve |= {f"/media/{COMMIT}/{path}": clip for path, clip in clips.items()}
    ids = {path: git_id(folder / path) for path in ("AudioWAV", *TABLES)}
    overrides = [
        f"places.cremad.url={server.url}",
        f"places.cremad.media_url={server.url}/media",
        "places.cremad.num_bytes=300000",
        "places.cremad.archive_bytes=5000",
        "~places.cremad.contents",
        "+places.cremad.contents={" + ",".join(f"{path}:'{found}'" for path, found in ids.items()) + "}",
    ]
    placed = {f"CREMA-D/{path}": content for path, content in {**clips, **tables}.items()}
    return Case("cremad", overrides, placed, f"/media/{COMMIT}/AudioWAV/{CREMAD[1]}", CremaD, serve)


@pytest.fixture
def small(server, tmp_path):
    """The makers of small corpora, and their names."""
    return SimpleNamespace(
        Case=Case,
        TABLES=TABLES,
        CREMAD=CREMAD,
        EMODB=EMODB,
        COMMIT=COMMIT,
        SPEECH=SPEECH,
        SONG=SONG,
        zip_of=zip_of,
        TESS=TESS,
        TESS_LIST=TESS_LIST,
        tess_list=tess_list,
        arguments=arguments,
        zenodo=lambda *words, **more: zenodo_case(server, *words, **more),
        ravdess=lambda: zenodo_case(server, "ravdess", "RAVDESS", {"speech": SPEECH}, Ravdess),
        emodb=lambda: zenodo_case(server, "emodb", "EmoDB", {"speech": ("emodb.zip", EMODB)}, EmoDB),
        tess=lambda: tess(server),
        cremad=lambda: cremad(server, tmp_path / "repository"),
    )


@pytest.fixture(params=["ravdess", "tess", "cremad"])
def case(request, server, small):
    """A corpus of each kind of place; EmoDB is at RAVDESS's kind."""
    made = vars(small)[request.param]()
    server.files |= made.serve
    return made


def arguments(case):
    return [f"corpus={case.corpus}", "pause_seconds=0.0", "tries=2", "timeout_seconds=10.0", *case.overrides]


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SER_DATA_DIR", raising=False)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@functools.cache
def composed(words):
    """What Hydra makes of a command line, as JSON; it takes longer than a small download does."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("download", list(words))
    return json.dumps(OmegaConf.to_container(config))


@pytest.fixture
def called(data_dir, server):
    """Call `download` on a case, composed once for all tests with the same words: exit code, output, and message."""

    def call(case, *more):
        words = tuple(word.replace(server.url, "http://server") for word in [*arguments(case), *more])
        config = OmegaConf.create(json.loads(composed(words).replace("http://server", server.url)))
        out, err, message, code = io.StringIO(), io.StringIO(), "", 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                download(config)
            except (UserError, RunFailedError) as error:
                code, message = (2 if isinstance(error, UserError) else 1), str(error)
        return SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue() + message, message=message)

    return call


@pytest.fixture
def commanded(run_job, data_dir):
    """The same through the whole command line."""
    return lambda case, *more: run_job(download, "download", [*arguments(case), *more])


@pytest.fixture
def final(data_dir):
    """All files under final names, with their bytes: not below a hidden folder, nor the table that is kept there."""

    def find():
        found = {path.relative_to(data_dir): path for path in data_dir.rglob("*") if path.is_file()}
        shown = {name: path for name, path in found.items() if not any(part.startswith(".") for part in name.parts)}
        return {name.as_posix(): path.read_bytes() for name, path in shown.items()}

    return find


@pytest.fixture
def completes(called, data_dir, final):
    """Assert that another call completes a case, and leaves nothing else."""

    def complete(case):
        done = called(case)
        assert done.code == 0, done.err
        assert final() == case.placed
        assert [path.name for path in data_dir.glob(".*")] == []

    return complete
