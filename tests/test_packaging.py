"""What an installation brings: the package alone, and not more of it than is needed."""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
MOST_BYTES = 1_320_000  # of source alone, which takes 840 kB even without its docstrings and comments
SUFFIXES = {".py", ".css", ".js", ".html", ".typed"}


def packaged() -> list[Path]:
    """What hatchling puts into a wheel of these packages: every file below them that git does not ignore."""
    folders = [ROOT / folder for folder in BUILD["wheel"]["packages"]]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in files if "__pycache__" not in path.parts)


def test_a_wheel_holds_the_package_and_no_experiment() -> None:
    assert BUILD["wheel"] == {"packages": ["src/unnoise"]}
    assert {path.suffix for path in packaged()} == SUFFIXES
    assert not [path for path in packaged() if "experiments" in path.parts]


def test_the_experiments_stand_in_the_source_distribution() -> None:
    assert "/experiments" in BUILD["sdist"]["include"]
    assert all((ROOT / name.removeprefix("/")).exists() for name in BUILD["sdist"]["include"])


def test_a_wheel_is_small() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in packaged():
            wheel.write(path, path.relative_to(ROOT / "src"))
    assert len(buffer.getvalue()) < MOST_BYTES
