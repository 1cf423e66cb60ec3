"""The verb: its refusals, its address and its end; and the page in a real browser."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from chromium import BROKEN, FAINT, SECONDS, WIDEST, Browser, chromium
from typer.testing import Result

import unnoise

Refused = Callable[..., str]


def test_what_cannot_be_looked_at_is_refused(refused: Refused, model: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("starlette")
    refused("look", tmp_path / "nothing", match="nothing")
    refused("look", model, tmp_path / "nothing.csv", match=r"There is no file or folder .*nothing\.csv")
    refused("look", model, data / "rows.csv", "--labels", data / "rows.csv", match="leave it out")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused("look", model, "--no-browser", "--port", taken.getsockname()[1], match="cannot be used")


def test_without_the_extra_there_is_one_sentence(
    refused: Refused, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    refused("look", model, match=r"pip install 'unnoise\[look\]'")


@pytest.fixture(scope="module")
def flats(tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Result]) -> Path:
    """A folder with flats.csv, and a quick model of it."""
    folder = tmp_path_factory.mktemp("flats")
    rows = {
        "district": ["harbour", "hills", "old town"] * 60,
        "area": [50.5 + i % 37 for i in range(180)],
        "rent": [(50.5 + i % 37) * (10 + 4 * (i % 3)) for i in range(180)],
    }
    pl.DataFrame(rows).write_csv(folder / "flats.csv")
    assert run("fit", folder / "flats.csv", "-o", folder / "model", "--quick").exit_code == 0
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Result]) -> Path:
    """A folder with images of 8 x 8 pixels, and a model of them that has hardly learnt."""
    folder = tmp_path_factory.mktemp("pictures")
    np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    few = ("--steps", "3", "--batch-size", "16", "--device", "cpu")
    assert run("fit", folder / "images.npy", "-o", folder / "model", *few).exit_code == 0
    return folder


@contextlib.contextmanager
def looking(folder: Path, rows: str = "flats.csv") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as it runs in a shell of its own, and the address that it printed."""
    pytest.importorskip("starlette")
    command = [sys.executable, "-m", "unnoise", "look", "model", rows, "--no-browser", "--json"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as it:
        assert it.stdout is not None
        try:
            line = it.stdout.readline()
            assert line, it.stderr.read() if it.stderr else ""
            yield it, json.loads(line)["address"]
        finally:
            it.kill()


@pytest.mark.slow
def test_it_is_served_until_it_is_interrupted(flats: Path) -> None:
    with looking(flats) as (running, address):
        _, _, host, path = address.split("/", 3)
        connection = http.client.HTTPConnection(host, timeout=SECONDS)
        connection.request("GET", f"/{path}")
        assert "district" in connection.getresponse().read().decode()
        connection.request("GET", "/guessed/")
        assert connection.getresponse().status == 404
        connection.close()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=SECONDS)
        assert (running.returncode, out, err) == (130, "", "unnoise: interrupted\n")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path) as found:
        yield found


NUMBERS = "[...document.querySelectorAll('table.bars td.number')].map(one => one.innerText).join()"
DONE = "(it => it && !it.dataset.next && it.dataset.told)(document.getElementById('answer'))"


@pytest.mark.slow
def test_a_person_fixes_a_column_and_saves_rows(flats: Path, browser: Browser, tmp_path: Path) -> None:
    with looking(flats) as (_, address):
        browser.tell("Page.navigate", url=address)
        assert browser.until(DONE) == "1,000 rows drawn"
        before = browser.until(NUMBERS)
        browser.ask("document.querySelector('details.column summary').click()")
        browser.ask("document.querySelector('input[name=\"is.district\"][value=hills]').click()")
        browser.until(f"location.search.includes('is.district=hills') && {DONE}")
        assert browser.ask("document.getElementById('said').innerText").split() == ["Given", "district=hills"]
        assert browser.ask("document.getElementById('marks-0').innerText").startswith("fixed")
        assert browser.ask(NUMBERS) != before
        assert browser.ask("document.querySelector('.column').open")  # what was open stays open

        down = tmp_path / "down"
        browser.tell("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(down))
        browser.ask("document.querySelector('a[download]').click()")
        end = time.monotonic() + SECONDS
        while not (down / "new.csv").exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        model = unnoise.load(flats / "model")
        assert pl.read_csv(down / "new.csv").equals(model.sample(1000, given={"district": "hills"}, seed=0))


@pytest.mark.slow
def test_a_person_draws_a_rectangle_on_an_image(pictures: Path, browser: Browser) -> None:
    """It goes into the fields, what was drawn changes, the surprise of the parts comes by itself."""
    with looking(pictures, "images.npy") as (_, address):
        browser.tell("Page.navigate", url=f"{address}part")
        browser.until(f"location.pathname.endsWith('/part') && {DONE}")
        drawn = "[...document.querySelectorAll('#answer .images img')].map(one => one.src).join()"
        before = browser.ask(drawn)
        assert browser.ask("document.querySelectorAll('svg.picture').length") == 2  # the image, and its surprise
        browser.ask("document.querySelector('[data-pick]').scrollIntoView()")
        side = "document.querySelector('[data-pick] svg').getBoundingClientRect()"
        x, y, size = (browser.ask(f"{side}.{name}") for name in ("x", "y", "width"))
        ends = [(x + size * (share + 0.5) / 8, y + size * (share + 0.5) / 8) for share in (1, 4)]
        kinds = ("mousePressed", "mouseMoved", "mouseReleased")
        for kind, (across, down) in zip(kinds, (ends[0], ends[1], ends[1]), strict=True):
            button: dict[str, Any] = {"button": "left", "buttons": 1, "clickCount": 1}
            browser.tell("Input.dispatchMouseEvent", type=kind, x=across, y=down, **button)
        browser.until(f"location.search.includes('bottom=5') && {DONE}")
        fields = "['top', 'left', 'bottom', 'right'].map(name => document.getElementById(name).value).join()"
        assert browser.ask(fields) == "1,1,5,5"
        assert browser.ask(drawn) != before
        assert "images[:, 1:5, 1:5] = numpy.nan" in browser.ask("document.querySelector('.same').innerText")


@pytest.mark.slow
def test_it_works_by_keyboard_at_the_width_of_a_phone_and_without_scripts(flats: Path, browser: Browser) -> None:
    with looking(flats) as (_, address):
        size: dict[str, Any] = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.tell("Emulation.setDeviceMetricsOverride", **size)
        for view in ("", "row", "noise"):
            browser.tell("Page.navigate", url=address + view)
            browser.until(f"document.readyState === 'complete' && location.pathname.endsWith('/{view}') && {DONE}")
            assert browser.ask(WIDEST) <= 390
        browser.tell("Page.navigate", url=address)
        browser.until(f"document.readyState === 'complete' && {DONE}")
        browser.press("Tab", windowsVirtualKeyCode=9)
        assert browser.ask("document.activeElement.className") == "skip"
        browser.ask("document.querySelectorAll('details.column summary')[1].focus()")
        browser.press("Enter", windowsVirtualKeyCode=13, text="\r")
        browser.press("Tab", windowsVirtualKeyCode=9)
        browser.tell("Input.insertText", text="60")
        browser.press("Enter", windowsVirtualKeyCode=13, text="\r")
        assert browser.until("location.search").startswith("?is.area=60")
        browser.until("document.getElementById('said')?.innerText.includes('area=60')")
        assert browser.ask("document.activeElement.name") == "is.area"

        browser.tell("Emulation.setScriptExecutionDisabled", value=True)
        browser.tell("Page.navigate", url=f"{address}?is.district=hills&rows=30")
        words = ""
        for _ in range(SECONDS):
            time.sleep(1)
            words = str(browser.tell("DOM.getOuterHTML", nodeId=browser.tell("DOM.getDocument")["root"]["nodeId"]))
            if "30 rows drawn" in words:
                break
        assert "district=hills" in words


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_refused(flats: Path, browser: Browser) -> None:
    """No violation of the policy, no failed request, no error of a script on any page."""
    with looking(flats) as (_, address):
        watch = (
            "window.seen = []; for (const kind of ['securitypolicyviolation', 'error', 'unhandledrejection']) "
            "window.addEventListener(kind, it => seen.push(`${kind} ${it.violatedDirective ?? it.message}`), true)"
        )
        browser.tell("Page.addScriptToEvaluateOnNewDocument", source=watch)
        host = address.split("/")[2]
        for view in ("", "row", "noise"):
            browser.tell("Page.navigate", url=address + view)
            browser.until(f"document.readyState === 'complete' && location.pathname.endsWith('/{view}') && {DONE}")
            assert browser.ask("window.seen") == []
            loaded = "performance.getEntriesByType('resource').map(one => one.name)"
            assert all(name.startswith((f"http://{host}/", "data:")) for name in browser.ask(loaded))
        picture = base64.b64decode(browser.tell("Page.captureScreenshot")["data"])
        assert picture.startswith(b"\x89PNG")


@pytest.mark.slow
def test_every_word_can_be_read_in_light_and_in_dark(flats: Path, browser: Browser) -> None:
    """The contrast that is computed is 4.5 or more, of large letters 3."""
    with looking(flats) as (_, address):
        for scheme in ("light", "dark"):
            browser.see(1280, 900, scheme)
            for view in ("?is.district=hills&from.area=no", "?is.district=hills", "row?rank=1", "noise"):
                browser.go(address + view)
                browser.until(DONE)
                browser.ask("document.querySelectorAll('details').forEach(it => { it.open = true })")
                assert browser.ask(FAINT) == [], (scheme, view)
                assert browser.ask(BROKEN) == []
        browser.ask("document.getElementById('said').style.color = '#555'")
        assert len(browser.ask(FAINT)) >= 1, "what is too faint is seen"
