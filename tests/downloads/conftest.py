"""A web server of our own on 127.0.0.1, with switches for what real ones do."""

import contextlib
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ser_lightning.downloads.fetch import opened


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
    timeout = 60  # seconds without a word of the client, after which its thread ends

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


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for every thread, and with it for every socket


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
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
def line(server):  # closed before the server is, which waits for it
    with opened(Counted(), tries=3, pause_seconds=0.0, timeout_seconds=10.0, threads=2) as line:
        yield line
