from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from unnoise import __version__, _provenance
from unnoise._errors import InputError
from unnoise._provenance import provenance, write_results

KEYS = [
    "name",
    "command",
    "seed",
    "commit",
    "versions",
    "hardware",
    "date",
    "seconds",
    "measured",
    "published",
]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that runs from a repository with one commit."""
    file = tmp_path / "src" / "unnoise" / "_provenance.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    monkeypatch.setattr(_provenance, "__file__", str(file))
    return tmp_path


def test_everything_is_recorded():
    made = provenance("unnoise demo", 3)
    assert made["command"] == "unnoise demo"
    assert made["seed"] == 3
    assert made["versions"]["unnoise"] == __version__
    assert made["versions"]["python"] == platform.python_version()
    assert made["versions"]["torch"] == torch.__version__
    hardware = made["hardware"]
    assert hardware["cpu"]
    assert 1 <= hardware["cores"] <= (os.cpu_count() or 1)
    assert hardware["memory_GiB"] > 0.1
    when = datetime.fromisoformat(made["date"])
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=1)


def test_device_is_the_one_that_worked():
    assert provenance(None, None, device="cpu")["hardware"]["device"] == "cpu"


def test_neither_person_nor_machine_nor_folder_is_named():
    text = json.dumps(provenance(None, None))
    for secret in (platform.node(), str(Path.home()), os.getcwd(), str(Path(_provenance.__file__).parent)):
        assert len(secret) < 3 or secret not in text
    assert f"/{getpass.getuser()}" not in text


def test_commit_is_named_and_changes_after_it_are_told(checkout: Path):
    commit = _provenance.commit()
    assert commit is not None
    assert len(commit) == 40
    int(commit, 16)
    (checkout / "results").mkdir()
    (checkout / "results" / "x.png").write_bytes(b"new")
    subprocess.run(["git", "-C", str(checkout), "add", "results"], check=True)
    assert _provenance.commit() == commit  # of which no number depends
    Path(_provenance.__file__).write_text("x = 2\n")
    assert _provenance.commit() == f"{commit}-dirty"


def test_an_installed_package_claims_no_commit_of_the_project_around_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = checkout / ".venv" / "site-packages" / "unnoise" / "_provenance.py"
    monkeypatch.setattr(_provenance, "__file__", str(installed))
    assert _provenance.commit() is None


def test_no_git_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert _provenance.commit() is None


def test_results_file_has_all_keys_and_plain_numbers(tmp_path: Path):
    measured = {"bits": np.float32(2.5), "bits_se": torch.tensor(0.25), "lost": float("nan"), "rows": (1, 2)}
    path = write_results(
        "swiss-roll",
        tmp_path / "results",
        measured=measured,
        published={"bits": {"value": 2.35, "source": "Sohl-Dickstein et al. (2015), table 1"}},
        seconds=1.23456,
        command="python -m experiments swiss-roll",
        seed=0,
    )
    assert path == tmp_path / "results" / "swiss-roll.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == KEYS
    assert content["measured"] == {"bits": 2.5, "bits_se": 0.25, "lost": None, "rows": [1, 2]}
    assert content["published"]["bits"]["value"] == 2.35
    assert content["seconds"] == 1.235


def test_a_failed_write_keeps_the_old_results(tmp_path: Path):
    path = write_results("x", tmp_path, measured={"a": 1}, seconds=1.0)
    kept = path.read_bytes()
    with pytest.raises(TypeError):
        write_results("x", tmp_path, measured={"a": object()}, seconds=1.0)
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("name", ["", "../escape", ".hidden", "two words"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="cannot name a results file"):
        write_results(name, tmp_path, measured={}, seconds=1.0)
