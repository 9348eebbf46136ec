"""One file over HTTP: what is fetched, what is asked for again, and what is left after each fault."""

import hashlib
import random

import pytest
import requests

from ser_lightning.downloads.fetch import Remote, fetch, opened
from ser_lightning.errors import RunFailedError

CONTENT = random.Random(0).randbytes(1_000_000)
OTHER = random.Random(1).randbytes(1_000_000)


def md5(content):
    return f"md5:{hashlib.md5(content).hexdigest()}"


@pytest.fixture
def remote(server):
    server.files["/a.zip"] = CONTENT
    return Remote(path="sub/a.zip", url=f"{server.url}/a.zip", num_bytes=len(CONTENT), checksum=md5(CONTENT))


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_whole_and_once(server, remote, line, tmp_path):
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    fetch(remote, tmp_path, line)
    assert server.asked == [("/a.zip", None)]
    assert names(tmp_path) == ["a.zip"]
    assert line.meter.here == {"sub/a.zip": 1_000_000}


def test_a_damaged_file_is_fetched_again(server, remote, line, tmp_path):
    fetch(remote, tmp_path, line).write_bytes(OTHER)
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT


def test_a_cut_is_resumed_where_it_broke_off(server, remote, line, tmp_path):
    server.cuts["/a.zip"] = [700_000, 200_000]
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    first, second, third = server.asked_ranges("/a.zip")
    assert first is None
    kept = int(second.removeprefix("bytes=").removesuffix("-"))
    assert 700_000 - 2**15 <= kept <= 700_000
    assert kept < int(third.removeprefix("bytes=").removesuffix("-")) <= kept + 200_000
    assert 1_000_000 <= server.sent["/a.zip"] <= 1_000_000 + 2 * 2**15


def test_a_later_call_resumes_too(server, remote, line, tmp_path):
    server.cuts["/a.zip"] = [600_000, 0, 0, 0]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(remote, tmp_path, line)
    assert names(tmp_path) == ["a.zip.part", "a.zip.part.json"]
    server.cuts["/a.zip"].clear()
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    assert server.sent["/a.zip"] < 1.1 * len(CONTENT)
    assert names(tmp_path) == ["a.zip"]


def test_a_server_without_ranges_starts_over(server, remote, line, tmp_path):
    server.ranges = False
    server.cuts["/a.zip"] = [600_000]
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    assert server.sent["/a.zip"] == 1_600_000


def test_a_server_that_always_cuts_and_cannot_resume_ends(server, remote, line, tmp_path):
    server.ranges = False
    server.cuts["/a.zip"] = [600_000] * 20
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(remote, tmp_path, line)
    assert len(server.asked) == 3


@pytest.mark.parametrize("heeds_if_range", [True, False])
def test_a_file_that_changed_meanwhile_starts_over(server, remote, line, tmp_path, heeds_if_range):
    server.heeds_if_range = heeds_if_range
    server.files["/a.zip"], server.etags["/a.zip"] = OTHER, '"0"'
    server.cuts["/a.zip"] = [600_000, 0, 0]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(remote, tmp_path, line)
    server.files["/a.zip"], server.etags["/a.zip"] = CONTENT, '"1"'
    server.cuts["/a.zip"].clear()
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT


def test_a_weak_etag_is_compared_though_it_cannot_be_a_condition(server, remote, line, tmp_path):
    server.etags["/a.zip"] = 'W/"1"'
    server.cuts["/a.zip"] = [600_000]
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    assert server.sent["/a.zip"] < 1.1 * len(CONTENT)


def test_a_part_that_is_whole_is_not_asked_for(server, remote, line, tmp_path):
    server.cuts["/a.zip"] = [600_000, 0, 0]
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(remote, tmp_path, line)
    (tmp_path / "sub/a.zip.part").write_bytes(CONTENT)  # as if killed just before its last name
    asked = len(server.asked)
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT
    assert len(server.asked) == asked


def test_a_wrong_checksum_is_told_and_the_file_removed(server, remote, line, tmp_path):
    server.files["/a.zip"] = OTHER
    with pytest.raises(RunFailedError) as told:
        fetch(remote, tmp_path, line)
    assert f"expected {md5(CONTENT)} but got {md5(OTHER).removeprefix('md5:')}" in str(told.value)
    assert names(tmp_path) == []
    server.files["/a.zip"] = CONTENT
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT


def test_another_size_is_refused_before_it_comes(server, remote, line, tmp_path):
    server.files["/a.zip"] = b"<html>Please log in</html>"
    with pytest.raises(RunFailedError, match="has 26 bytes there, the published file has 1000000"):
        fetch(remote, tmp_path, line)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, 3), (429, 3)])
def test_only_what_may_pass_is_tried_again(server, remote, line, tmp_path, status, asked):
    server.statuses["/a.zip"] = [status] * 9
    with pytest.raises(requests.HTTPError, match=str(status)):
        fetch(remote, tmp_path, line)
    assert len(server.asked) == asked


def test_an_overloaded_server_is_asked_again(server, remote, line, tmp_path):
    server.statuses["/a.zip"] = [503, 429]
    assert fetch(remote, tmp_path, line).read_bytes() == CONTENT


def test_pauses_double(server, remote, line, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(line.stop, "wait", pauses.append)
    object.__setattr__(line, "pause_seconds", 2.0)
    server.statuses["/a.zip"] = [503, 503]
    fetch(remote, tmp_path, line)
    assert pauses == [2.0, 4.0]


def test_every_connection_is_closed_though_something_refers_to_it(server, remote, line, tmp_path):
    options = {"tries": 1, "pause_seconds": 0.0, "timeout_seconds": 10.0, "threads": 2}
    with opened(line.meter, **options) as other:
        fetch(remote, tmp_path, other)
        pools = other.session.get_adapter(server.url).poolmanager.pools
        [pool] = [pools.get(key) for key in pools.keys()]  # noqa: SIM118 (it lets nobody iterate over itself)
        assert pool.num_connections == 1
    assert pool.pool is None
