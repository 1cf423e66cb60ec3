"""The picture of a report in docs/your-table.md: fits the table of that page, and takes a photograph with Chromium.

python docs/figures/report.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

import unnoise
from unnoise import report

DOCS = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fit, evaluate, photograph."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("this needs Chromium, to look at the report")
    (first, *_) = re.findall(r"```python\n(.*?)```", (DOCS / "your-table.md").read_text(encoding="utf-8"), re.DOTALL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names: dict[str, Any] = {}
        exec(first.replace("n = 550", "n = 2000").replace('.to_csv("', f'.to_csv("{folder}/'), names)
        flats = names["flats"]
        model = unnoise.DenoisingMarkovModel(steps=600).fit(flats[:1500])
        found = unnoise.evaluate(model, flats[1500:], train=flats[:1500])
        names = report.Names("model", "held_out.csv", "flats.csv", "better")
        report.page_of(found, title="model on held_out.csv", names=names).write(folder / "report.html")
        picture = DOCS / "_static" / "report.png"
        size = "--window-size=900,1130"
        hidden = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=2000",
            size,
        ]
        subprocess.run([browser, *hidden, f"--screenshot={picture}", f"file://{folder}/report.html"], check=True)
        _fewer_colours(picture)


def _fewer_colours(picture: Path) -> None:
    """A page has few: a palette makes a third of the file."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    main()
