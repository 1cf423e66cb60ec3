"""What a user names is looked at first: models and files that are there, and places that can be written to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unnoise import InputError, _places

# Every verb with what is not there, in one Python: what it says, how it ends, and whether torch was loaded by then.
VERBS = """
import json, sys
from typer.testing import CliRunner
from unnoise.cli import app
found = [CliRunner().invoke(app, words) for words in json.loads(sys.argv[1])]
print(json.dumps([[one.exit_code, one.stderr, "torch" in sys.modules] for one in found]))
"""
NO_MODEL = "unnoise: there is no model in 'gone': it does not exist; give the folder that fit or save wrote\n"
NO_FILE = "unnoise: There is no file or folder gone.csv; did you mean {}?\n"


def test_every_verb_says_what_is_not_there_before_it_loads_torch(tmp_path: Path) -> None:
    """It took four seconds of imports."""
    (tmp_path / "gone.csv.gz").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "config.json").touch()
    near = NO_FILE.format("gone.csv.gz")
    asked = {
        ("sample", "gone", "-o", "new.csv"): NO_MODEL,
        ("sample", "full", "-o", "new.csv", "--given-file", "gone.csv"): near,
        ("impute", "gone", "gone.csv", "-o", "new.csv"): NO_MODEL,
        ("impute", "full", "gone.csv", "-o", "new.csv"): near,
        ("score", "full", "gone.csv", "-o", "new.csv"): near,
        ("evaluate", "full", "gone.csv.gz", "--train", "gone.csv"): near,
        ("look", "full", "gone.csv"): near,
        ("export", "gone", "-o", "new"): NO_MODEL,
        ("fit", "gone.csv", "-o", "new"): near,
        ("fit", "gone.csv.gz", "-o", "new", "--labels", "y=gone.csv"): near,
        ("fit", "gone.csv.gz", "-o", "gone", "--resume"): NO_MODEL,
        ("fit", "gone.csv", "-o", "gone.csv.gz"): "unnoise: 'gone.csv.gz' is a file, and a model is a folder; name "
        "another one\n",
        ("walk", "gone.py:f", "-o", "new.csv"): "unnoise: there is no file gone.py\n",
        ("walk", "gone.py:f", "-o", "new.csv", "--chain", "mala"): "unnoise: there is no file gone.py\n",
        ("check", "gone.py:f"): "unnoise: there is no file gone.py\n",
        ("sample", "full", "-o", "new.pdf"): "unnoise: new.pdf is of no type that can be written; expected .csv, "
        ".parquet, .npy, a folder of images, .tsv.\n",
    }
    command = [sys.executable, "-c", VERBS, json.dumps(list(asked))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"COLUMNS": "200"})
    told = json.loads(done.stdout)
    for (words, sentence), outcome in zip(asked.items(), told, strict=True):
        assert outcome == [2, sentence, False], (words, done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "gone.csv.gz"]


def test_a_folder_for_a_model_can_be_made_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    _places.check_model_folder(tmp_path / "new")
    _places.check_model_folder(tmp_path / "several" / "new" / "ones")
    _places.check_model_folder(tmp_path)
    with pytest.raises(InputError, match="file' is a file, and a model is a folder; name another one"):
        _places.check_model_folder(tmp_path / "file")
    with pytest.raises(InputError, match=r"below' cannot be made: .*file' is a file"):
        _places.check_model_folder(tmp_path / "file" / "below")
    monkeypatch.setattr(_places.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(InputError, match="cannot be written to: permission denied"):
        _places.check_model_folder(tmp_path / "several" / "new")
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_looked_at_is_left_to_whoever_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _places.check_readable(Path("-"))
    _places.check_readable(tmp_path)
    _places.check_readable(tmp_path / ("long" * 100))
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    for path in (tmp_path / "broken", tmp_path / "nothing" / "below"):
        with pytest.raises(InputError, match="There is no file or folder"):
            _places.check_readable(path)
    monkeypatch.setenv("HOME", str(tmp_path))
    _places.check_readable(Path("~"))
