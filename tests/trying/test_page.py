"""The page in a real browser, as a visitor uses it, and its server as a user starts and ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from ser_lightning import Recognizer

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.slow

MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WATCHED = """
import json, runpy, sys
log = open(sys.argv[1], "a", buffering=1)
def note(event, values):
    if event == "socket.connect":
        log.write(json.dumps(str(values[1][0] if isinstance(values[1], tuple) else values[1])) + "\\n")
    elif event == "socket.getaddrinfo":
        log.write(json.dumps(str(values[0])) + "\\n")
sys.addaudithook(note)
sys.argv = ["app", *sys.argv[2:]]
runpy.run_module("ser_lightning.app", run_name="__main__")
"""


class Server(NamedTuple):
    """A server that runs: its address, where its private folder is made, whom it has called, and what it printed."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    calls: Path

    def kept(self) -> list[Path]:
        """The files that it has kept."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


@contextmanager
def started(run: Path, folder: Path, *more: str) -> Iterator[Server]:
    """The command in an empty folder; it is ended with the block where it has not ended before."""
    (folder / "temporary").mkdir(parents=True)
    (folder / "here").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED, str(folder / "calls"), f"run={run}", "device=cpu", "port=18760", *more],
        cwd=folder / "here",
        env={**os.environ, "TMPDIR": str(folder / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("page: http://127.0.0.1:"), line + process.stderr.read()
        yield Server(process, line.split()[1], folder / "temporary", folder / "calls")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(server: Server, number: int = signal.SIGTERM) -> tuple[int, str]:
    """Its exit code and what it said to standard error."""
    server.process.send_signal(number)
    _, said = server.process.communicate(timeout=60)
    return server.process.returncode, said


@pytest.fixture(scope="module")
def server(tiny_run, tmp_path_factory) -> Iterator[Server]:
    with started(tiny_run, tmp_path_factory.mktemp("served"), "max_seconds=60") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=MICROPHONE)
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=str)
def opened(request, browser, server) -> Iterator[tuple[Any, list[str]]]:
    """The open page, and the addresses that it asked for."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.address)
    page.get_by_role("heading", name="Which emotion is heard?").wait_for()
    yield page, asked
    context.close()


@pytest.fixture(scope="module")
def clip(tone_corpus, tmp_path_factory) -> Path:
    """Three tones of different emotions, one after the other."""
    files = [tone_corpus.parent / f"ann_{emotion}_0.wav" for emotion in ("sad", "angry", "neutral")]
    path = tmp_path_factory.mktemp("clips") / "three.wav"
    soundfile.write(path, np.concatenate([soundfile.read(file)[0] for file in files]), 16000)
    return path


def upload(page: Any, path: Path) -> None:
    """Choose a file as the hidden input of the upload box takes it."""
    page.locator("input[type=file]").set_input_files(path)


def bars(page: Any) -> dict[str, int]:
    """The probabilities in per cent as they stand on the page."""
    rows = page.locator(".confidence-set").all()
    texts = [row.inner_text().split() for row in rows]
    return {" ".join(words[:-1]): int(words[-1].rstrip("%")) for words in texts}


def width_of(page: Any) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


def test_the_page_says_what_the_recognizer_says_and_keeps_nothing(opened, server, tiny_run, clip):
    page, asked = opened
    upload(page, clip)
    page.locator(".answer .emotion").wait_for()
    expected = Recognizer.load(tiny_run, device="cpu")(clip)
    assert page.locator(".answer .emotion").inner_text() == expected.label
    assert bars(page) == {label: round(100 * p) for label, p in expected.probabilities.items()}
    page.locator(".picture svg").wait_for()
    assert page.locator(".picture svg").bounding_box()["width"] > 280
    assert width_of(page) == page.viewport_size["width"]
    page.get_by_text("About this model").click()
    page.get_by_text("none of them in training").wait_for()
    assert width_of(page) == page.viewport_size["width"]
    assert {address.split("/")[2] for address in asked if "//" in address} == {server.address.split("/")[2]}
    assert len(asked) > 20
    assert server.kept() == []


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_other_formats_are_heard_as_the_recognizer_hears_them(opened, tiny_run, clip, tmp_path, ending):
    page, _ = opened
    path = tmp_path / f"three.{ending}"
    soundfile.write(path, *soundfile.read(clip))
    upload(page, path)
    page.locator(".answer .emotion").wait_for()
    expected = Recognizer.load(tiny_run, device="cpu")(path)
    assert page.locator(".answer .emotion").inner_text() == expected.label
    assert bars(page) == {label: round(100 * p) for label, p in expected.probabilities.items()}


def test_a_real_clip_is_answered_as_the_recognizer_answers_it(opened, tiny_run, shared_corpora):
    page, _ = opened
    path = min(shared_corpora("RAVDESS").rglob("*.wav"))
    upload(page, path)
    page.locator(".answer .emotion").wait_for()
    expected = Recognizer.load(tiny_run, device="cpu")(path)
    assert page.locator(".answer .emotion").inner_text() == expected.label
    assert bars(page) == {label: round(100 * p) for label, p in expected.probabilities.items()}


def test_the_recording_can_still_be_played_and_the_threshold_moved(opened, clip):
    page, _ = opened
    upload(page, clip)
    page.locator(".answer .emotion").wait_for()
    number = page.get_by_label("number input for Say “unsure” below this probability")
    number.fill("1")
    number.press("Enter")
    page.get_by_text("unsure", exact=True).wait_for()
    assert "less than the 100 % that you ask for" in page.locator(".answer").inner_text()
    page.get_by_label("Play", exact=True).click()
    page.get_by_label("Pause", exact=True).wait_for()


def test_what_is_recorded_is_answered_and_not_kept(opened, server):
    page, _ = opened
    page.get_by_label("Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("0:01", exact=True).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".answer .emotion").wait_for()
    assert page.locator(".answer .emotion").inner_text() in ("angry", "sad", "neutral")
    assert server.kept() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("words.wav", "words.wav is no audio that libsndfile reads: it is text that begins with 'good morning'."),
        ("empty.wav", "empty.wav is empty (0 bytes)."),
        ("cut.wav", "cut.wav is cut short: 6400 bytes announced, 2400 there."),
        ("hours.flac", "hours.flac lasts 2 h; at most 1 min are taken."),
    ],
)
def test_a_file_that_cannot_be_used_gives_its_reason(opened, server, tmp_path, write_noise, name, message):
    page, _ = opened
    write_unusable(tmp_path / name, write_noise)
    upload(page, tmp_path / name)
    page.locator(".problem").wait_for()
    assert page.locator(".problem").inner_text() == f"No answer. {message}"
    assert page.locator(".answer").count() == 0
    assert width_of(page) == page.viewport_size["width"]
    assert server.kept() == []


def write_unusable(path: Path, write_noise: Any) -> None:
    if path.name == "words.wav":
        path.write_text("good morning\n")
    elif path.name == "empty.wav":
        path.touch()
    elif path.name == "cut.wav":
        write_noise(path)
        path.write_bytes(path.read_bytes()[:2444])
    else:
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            for _ in range(120):
                file.write(np.zeros(8000 * 60, np.int16))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("words.txt", "Invalid file type: words.txt"),
        ("hours.wav", 'File(s) exceed the maximum allowed size of 50.0 Mb: "hours.wav"'),
    ],
)
def test_what_the_browser_need_not_send_is_refused_there(opened, server, tmp_path, sparse_wave, name, message):
    page, asked = opened
    if name == "hours.wav":
        sparse_wave(tmp_path / name, seconds=7200)
    else:
        (tmp_path / name).write_text("good morning\n")
    upload(page, tmp_path / name)
    page.get_by_test_id("toast-text").get_by_text(message).wait_for()
    assert not [address for address in asked if "/upload?" in address]
    assert server.kept() == []


def test_the_server_has_called_nobody(server):
    """After all of the above: the server asks only itself, and looks up no name but its own."""
    called = {json.loads(line) for line in server.calls.read_text().splitlines()}
    assert called <= {"127.0.0.1", "localhost"}
    assert called


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_next_free_port_is_taken_before(server, tiny_run, tmp_path, number):
    with started(tiny_run, tmp_path) as second:
        assert second.address != server.address
        folders = list(second.folder.iterdir())
        assert [folder.name.startswith("ser_lightning_app_") for folder in folders] == [True]
        code, said = end(second, number)
    assert code == 0
    assert said == "port 18760 is in use; this is the next free one\n"
    assert list(second.folder.iterdir()) == []
    assert list((tmp_path / "here").iterdir()) == []
