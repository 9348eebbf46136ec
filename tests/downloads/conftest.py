"""A web server of our own on 127.0.0.1, with switches for what real ones do; and small corpora on it, by true names."""

import contextlib
import hashlib
import io
import json
import random
import threading
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from ser_lightning.corpora.cremad import CremaD
from ser_lightning.corpora.emodb import EmoDB
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.tess import Tess
from ser_lightning.download import download
from ser_lightning.downloads.fetch import opened
from ser_lightning.downloads.lfs import git_id


@dataclass
class Served:
    """What the server gives, how it misbehaves, and what it was asked; `sent` counts bytes of bodies by path.

    `cuts[path]`: bytes after which each next answer breaks off. `statuses[path]`: what each next answer is instead.
    """

    url: str
    files: dict = field(default_factory=dict)
    etags: dict = field(default_factory=dict)
    ranges: bool = True
    heeds_if_range: bool = True
    cuts: dict = field(default_factory=lambda: defaultdict(list))
    statuses: dict = field(default_factory=lambda: defaultdict(list))
    stalls: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    sent: dict = field(default_factory=lambda: defaultdict(int))

    def asked_ranges(self, path):
        return [found for name, found in self.asked if name == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        served = self.server.served
        path = self.path.partition("?")[0]
        wanted = self.headers.get("Range")
        served.asked.append((path, wanted))
        if served.statuses[path]:
            return self.reply(served.statuses[path].pop(0), b"")
        if path not in served.files:
            return self.reply(404, b"nothing here")
        content, etag = served.files[path], served.etags.get(path, '"1"')
        condition = self.headers.get("If-Range")
        if wanted and served.ranges and (condition in (None, etag) or not served.heeds_if_range):
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if first >= len(content):
                return self.reply(416, b"")
            span = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return self.reply(206, content[first:], etag, {"Content-Range": span})
        return self.reply(200, content, etag)

    def reply(self, status, body, etag=None, headers=()):
        served, path = self.server.served, self.path.partition("?")[0]
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            **({"ETag": etag} if etag else {}),
            **dict(headers),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        cut = served.cuts[path].pop(0) if status in (200, 206) and served.cuts[path] else None
        part = body if cut is None else body[:cut]
        served.sent[path] += len(part)
        self.wfile.write(part)
        if path in served.stalls:
            self.wfile.flush()
            reached, go_on = served.stalls[path]
            reached.set()
            go_on.wait(30)
        if cut is not None:
            self.close_connection = True

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # the client was killed
            super().handle()


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.served = Served(f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.served
        running.shutdown()
        thread.join()


class Counted:
    def __init__(self):
        self.here = {}

    def expect(self, num_bytes):
        pass

    def __call__(self, path, num_bytes):
        self.here[path] = num_bytes


@pytest.fixture
def line():
    with opened(Counted(), tries=3, pause_seconds=0.0, timeout_seconds=10.0, threads=2) as line:
        yield line


SPEECH = (
    "Audio_Speech_Actors_01-24.zip",
    [f"Actor_{actor:02}/03-01-0{emotion}-01-01-01-{actor:02}.wav" for actor in (1, 2) for emotion in (3, 5)],
)
SONG = "Audio_Song_Actors_01-24.zip", [f"Actor_01/03-02-0{emotion}-01-01-01-01.wav" for emotion in (3, 5)]
EMODB = ["wav/03a01Fa.wav", "wav/03a01Nc.wav", "db.yaml"]
TESS = [f"{speaker}_{word}_angry.wav" for speaker in ("OAF", "YAF") for word in ("back", "bar", "base", "bath")]
CREMAD = ["1001_DFA_ANG_XX.wav", "1001_DFA_DIS_XX.wav", "1002_IEO_HAP_HI.wav"]
TABLES = ["VideoDemographics.csv", "processedResults/tabulatedVotes.csv"]
COMMIT = "1658cd342dff90010aa843eaeebd53610a08b1dc"


def audio(name, num_bytes=100_000):
    return random.Random(name).randbytes(num_bytes)


def zip_of(contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
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


def tess(server):
    contents = {name: audio(name) for name in TESS}
    files = [
        {
            "label": name,
            "restricted": False,
            "dataFile": {
                "id": 7000 + number,
                "filesize": len(content),
                "md5": hashlib.md5(content).hexdigest(),
            },
        }
        for number, (name, content) in enumerate(contents.items())
    ]
    dataset = {"status": "OK", "data": {"id": 1, "latestVersion": {"files": files}}}
    serve = {f"/api/access/datafile/{7000 + number}": content for number, content in enumerate(contents.values())}
    serve["/api/datasets/:persistentId/"] = json.dumps(dataset).encode()
    overrides = [f"places.tess.url={server.url}", "places.tess.num_bytes=800000"]
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
        arguments=arguments,
        zenodo=lambda *words, **more: zenodo_case(server, *words, **more),
        ravdess=lambda: zenodo_case(server, "ravdess", "RAVDESS", {"speech": SPEECH}, Ravdess),
        emodb=lambda: zenodo_case(server, "emodb", "EmoDB", {"speech": ("emodb.zip", EMODB)}, EmoDB),
        tess=lambda: tess(server),
        cremad=lambda: cremad(server, tmp_path / "repository"),
    )


@pytest.fixture(params=["ravdess", "emodb", "tess", "cremad"])
def case(request, server, small):
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


@pytest.fixture
def called(run_job, data_dir):
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
