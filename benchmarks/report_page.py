"""How heavy a run's report is: its size, what it asks for when it is opened, and how long until all of it is there.

The page is opened in headless Chromium, each time in a new context, so that nothing is cached; the load time is the
browser's own, from the start of the navigation to the end of the load event. Needs playwright and a Chromium.

    python benchmarks/report_page.py --run outputs/demo/latest
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from ser_lightning.terminal import err, out

OPENED = 5
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
"""Milliseconds since the navigation began; 0 until the load event has ended."""


class Load(NamedTuple):
    """The milliseconds until everything was loaded, and the addresses that were asked for."""

    milliseconds: float
    requests: list[str]


def load(browser: Browser, page: Path) -> Load:
    """Open a page once, with nothing in the cache."""
    context = browser.new_context(viewport={"width": 1200, "height": 844})
    opened, requests = context.new_page(), list[str]()
    opened.on("request", lambda asked: requests.append(asked.url))
    opened.goto(page.as_uri(), wait_until="load")
    opened.wait_for_function(f"{LOADED} > 0")
    found = Load(float(opened.evaluate(LOADED)), requests)
    context.close()
    return found


def main() -> None:
    """Print size, requests and load time of a run's report."""
    parser = argparse.ArgumentParser(description="size, requests and load time of the report of a run")
    parser.add_argument("--run", type=Path, required=True, help="the run directory")
    page = parser.parse_args().run.resolve() / "report" / "index.html"
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not page.exists() or program is None:
        err.print(f"{page} is missing" if program else "there is no Chromium on this machine", markup=False)
        raise SystemExit(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        loads = [load(browser, page) for _ in range(OPENED)]
        browser.close()
    times = [one.milliseconds for one in loads]
    own = page.as_uri()
    others = sorted({address for one in loads for address in one.requests if address != own})
    out.print(f"size:      {page.stat().st_size:,} bytes", markup=False)
    out.print(f"requests:  {max(len(one.requests) for one in loads)}, to others {len(others)}", markup=False)
    spread = f"{min(times):.0f} to {max(times):.0f}"
    out.print(f"load time: {statistics.median(times):.0f} ms, median of {OPENED} ({spread})", markup=False)


if __name__ == "__main__":
    main()
