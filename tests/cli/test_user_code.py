"""Objects that a user names as MODULE:OBJECT."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from unnoise._errors import InputError, NonFiniteError
from unnoise.cli import user_code


def test_an_object_is_found_by_its_name() -> None:
    assert user_code.find("math:pi") == math.pi
    assert user_code.find("pathlib:Path.home")


@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("math", "got 'math'; expected MODULE:OBJECT, as in my_module:my_process"),
        ("nowhere_at_all:x", "the module 'nowhere_at_all' is neither installed nor in this folder"),
        ("math:tau.pie", "math:tau.pie does not exist: math has no 'pie'"),
        ("math:sqtr", "math:sqtr does not exist: math has no 'sqtr'; did you mean sqrt?"),
    ],
)
def test_what_is_not_there_is_said(target: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        user_code.find(target)


def test_a_file_in_a_package_may_import_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packed_density" / "inner"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent):
        (place / "__init__.py").touch()
    (folder.parent / "numbers_of.py").write_text("two = 2\n")
    (folder / "part.py").write_text("from ..numbers_of import two\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert user_code.module_of(str(folder / "part.py"), "part.py:two", "a:b").two == 2


def test_an_error_of_syntax_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "colonless.py").write_text("x = 1\ndef log_prob(x)\n    return x\n")
    with pytest.raises(InputError, match=r"cannot be imported: colonless.py, line 2, SyntaxError: expected ':'$"):
        user_code.module_of(str(tmp_path / "colonless.py"), "colonless.py:log_prob", "a:b")


def test_an_error_is_told_with_the_line_that_raised_it() -> None:
    def broken() -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        broken()
    assert user_code.takes(broken)
    assert not user_code.takes(math.sqrt)
    assert user_code.takes(math.sqrt, 2)
    assert user_code.describe(caught.value).startswith("test_user_code.py, line ")
    assert user_code.describe(caught.value).endswith("in broken, raised ZeroDivisionError: division by zero")


def test_the_working_folder_hides_nothing_that_is_installed(tmp_path: Path) -> None:
    for name in ("random", "torch", "numpy", "typer", "narwhals"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a module of the working folder ran')")
    (tmp_path / "mine.py").write_text("import random\nown = random.Random(0)")
    command = [sys.executable, "-m", "unnoise", "check", "mine:own"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("unnoise: got a Random; expected a space, a process, a sampler")


def test_the_place_of_an_error_is_the_users_own() -> None:
    with pytest.raises(ValueError, match="invalid") as caught:
        int("x")
    assert user_code.describe(caught.value).startswith("test_user_code.py, line ")
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert user_code.describe(caught.value).startswith("test_user_code.py, line "), "not in json/decoder.py"
    assert not user_code.takes(3)


def test_errors_of_the_package_pass() -> None:
    for error in (InputError("x"), NonFiniteError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)), user_code.running():
            raise error
    for error in (SystemExit(0), GeneratorExit(), RuntimeError("x"), OSError("x")):
        with pytest.raises(typer.Exit) as caught, user_code.running():
            raise error
        assert caught.value.exit_code == 1
