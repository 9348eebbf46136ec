"""The page in a real browser: it asks nobody for anything, says what metrics.json says, and fits a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ser_lightning.evaluation import report
from ser_lightning.evaluation.scores import NAMES

sync_api = pytest.importorskip("playwright.sync_api")
LABELS = ["angry", "happy", "sad", "calm"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; skips where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory, assessed_run, random_table, finished_examples) -> tuple[Path, dict[str, Any]]:
    """The page of a run of 24 speakers and its metrics.json."""
    run = tmp_path_factory.mktemp("browsed") / "<run> & 'more'"
    about = {"sex": ["female", "male"] * 240, "intensity": ["low", "high", "high", ""] * 120}
    tables = {
        part: random_table(LABELS, 480, 24, seed=seed, **about) for seed, part in enumerate(("train", "val", "test"))
    }
    run.mkdir()
    metrics = assessed_run(run, LABELS, tables)
    (run / "log.csv").write_text("epoch,train_loss,val_balanced_accuracy,lr\n1,1.5,0.4,0.1\n2,1.2,0.5,0.1\n")
    return report.write_report(run, examples=finished_examples), metrics


@pytest.fixture(scope="module", params=[(1200, "light"), (1200, "dark"), (390, "light"), (390, "dark")], ids=str)
def opened(request, browser, made) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The open page, the addresses that it asked for, and what the console complained of."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    requests, complaints = list[str](), list[str]()
    page.on("request", lambda asked: requests.append(asked.url))
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(made[0].as_uri(), wait_until="load")
    page.wait_for_function("[...document.querySelectorAll('audio')].every(sound => sound.readyState > 0)")
    yield page, requests, complaints
    context.close()


def test_no_request_leaves_the_page_and_nothing_goes_wrong(opened, made):
    _, requests, complaints = opened
    assert requests == [made[0].as_uri()]
    assert complaints == []


def test_every_picture_and_every_sound_can_be_shown(opened, finished_examples):
    page, _, _ = opened
    drawn = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(drawn) == 12 + 2
    assert min(drawn) > 400
    seconds = page.evaluate("[...document.querySelectorAll('audio')].map(sound => sound.duration)")
    assert seconds == [pytest.approx(example.seconds, abs=1e-3) for example in finished_examples]


def test_the_tiles_say_what_metrics_json_says(opened, made):
    page, _, _ = opened
    test = made[1]["test"]
    tiles = page.locator(".tiles .card").all()
    said = [[text.strip() for text in tile.inner_text().splitlines() if text.strip()] for tile in tiles]
    expected = []
    for key, name in NAMES.items():
        if test[key] is not None:
            low, high = test["intervals"]["scores"][key]
            expected.append([name, f"{test[key]:.3f}", f"[{low:.3f}, {high:.3f}]"])
    assert [[lines[0].removesuffix(", lower is better"), *lines[1:]] for lines in said] == expected
    assert len(expected) == 10


def test_the_page_is_as_wide_as_the_window_and_wide_tables_scroll_by_themselves(opened):
    page, _, _ = opened
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    scrolling = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"
    )
    assert scrolling > 0


def test_the_colours_follow_the_reader(browser, made):
    colours = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(made[0].as_uri())
        colours[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        context.close()
    assert colours == {"light": "rgb(246, 247, 249)", "dark": "rgb(15, 19, 24)"}
