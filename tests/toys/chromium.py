"""Chromium without a window, and what is measured of a page in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 120  # for whatever a loaded machine may do
WIDEST = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"

# Of every text that is seen: its colour on what lies behind it, as WCAG 2.2 computes it, where that is below `least`.
# Opacity counts; large letters (24 px, or 18.7 px and bold) need 3 where others need 4.5.
FAINT = r"""(() => {
  const rgba = (words) => {
    const found = words.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return found.length < 4 ? [...found, 1] : found;
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((one, i) => a * one + (1 - a) * under[i]);
  const linear = (one) => one / 255 <= .03928 ? one / 255 / 12.92 : ((one / 255 + .055) / 1.055) ** 2.4;
  const bright = (rgb) => rgb.map(linear).reduce((sum, one, i) => sum + one * [.2126, .7152, .0722][i], 0);
  const behind = (one) => {
    if (!one) return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    const colour = rgba(getComputedStyle(one).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(one.parentElement));
  };
  const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = [];
  while (seen.nextNode()) {
    const one = seen.currentNode.parentElement, style = getComputedStyle(one), words = seen.currentNode.data.trim();
    const unseen = one.closest("script, style, title, .aside") || !one.checkVisibility({ visibilityProperty: true });
    if (!words || unseen) continue;
    const paper = behind(one), ink = rgba(one instanceof SVGElement ? style.fill : style.color);
    for (let it = one; it; it = it.parentElement) ink[3] *= Number(getComputedStyle(it).opacity);
    const [low, high] = [bright(over(ink, paper)), bright(paper)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize) * (one instanceof SVGElement ? one.getCTM?.().d ?? 1 : 1);
    const least = size >= 24 || (size >= 18.7 && style.fontWeight >= 700) ? 3 : 4.5;
    const found = (high + .05) / (low + .05);
    const where = `${one.tagName}.${one.getAttribute("class") ?? ""}`;
    if (found < least) faint.push(`${found.toFixed(2)} ${where} ${words.slice(0, 40)}`);
  }
  return [...new Set(faint)];
})()"""
BROKEN = "[...document.images].filter(it => it.complete && !it.naturalWidth).map(it => it.currentSrc.slice(0, 200))"


# Chromium reads from the file of number 3 and writes into that of number 4.
AS_3_AND_4 = "import os, sys; a, b, *run = sys.argv[1:]; os.dup2(int(a), 3), os.dup2(int(b), 4); os.execv(run[0], run)"


class Browser:
    """Chromium without a window, told what to do over two pipes, in the words of its developer tools."""

    def __init__(self, folder: Path) -> None:
        (read, self.write), (self.read, write) = os.pipe(), os.pipe()
        assert CHROMIUM is not None
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
        command = [
            sys.executable,
            "-c",
            AS_3_AND_4,
            str(read),
            str(write),
            CHROMIUM,
            *options,
            f"--user-data-dir={folder}",
        ]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, pass_fds=(read, write), **quiet)
        os.close(read)
        os.close(write)
        self.count, self.session, self.buffer = 0, "", b""

    def __enter__(self) -> Self:
        return self

    def open(self) -> None:
        """An empty page."""
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.tell("Page.enable")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.read)
        os.close(self.write)

    def tell(self, method: str, **params: Any) -> Any:
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                part = os.read(self.read, 2**16)
                assert part, f"Chromium ended before it answered {method}"
                self.buffer += part
            first, _, self.buffer = self.buffer.partition(b"\0")
            found = json.loads(first)
            if found.get("id") == self.count:
                assert "error" not in found, found
                return found["result"]

    def ask(self, script: str) -> Any:
        """What a line of JavaScript gives in the page."""
        found = self.tell("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until a line of JavaScript gives something that is true, and return it."""
        end = time.monotonic() + SECONDS
        while not (found := self.ask(script)):
            assert time.monotonic() < end, f"never true: {script}\n{self.ask('document.body?.innerText')}"
            time.sleep(0.1)
        return found

    def see(self, width: int, height: int = 800, scheme: str = "light") -> None:
        """Set the width of the page, and whether it is light or dark."""
        size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.tell("Emulation.setDeviceMetricsOverride", **size)
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, address: str) -> None:
        """Open a page, and wait until all of it is there."""
        self.ask("window.left = true")
        self.tell("Page.navigate", url=address)
        self.until("!window.left && document.readyState === 'complete'")

    def press(self, key: str, **more: Any) -> None:
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, **more)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with an empty page, or a skipped test."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with Browser(folder / "profile") as found:
        found.open()
        yield found
