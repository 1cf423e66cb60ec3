"""The scripts that shells read, and what they are then told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from unnoise.cli import app

MARKS = {
    "bash": "complete -o default -F _unnoise_completion unnoise",
    "zsh": "compdef _unnoise_completion unnoise",
    "fish": "complete --command unnoise",
    "powershell": "Register-ArgumentCompleter -Native -CommandName unnoise",
}


@pytest.fixture
def ask() -> Callable[..., list[str]]:
    """What the program prints when a shell asks it, by variables of the environment."""

    def call(instruction: str, **environment: str) -> list[str]:
        env = {"_UNNOISE_COMPLETE": instruction, "COLUMNS": "200", **environment}
        done = CliRunner().invoke(app, [], env=env, prog_name="unnoise")
        assert done.exit_code in (0, None), done.output
        return done.stdout.splitlines()

    return call


@pytest.mark.parametrize("shell", MARKS)
def test_each_shell_has_a_script_that_it_can_read(shell: str, ask: Callable[..., list[str]]) -> None:
    script = "\n".join(ask(f"source_{shell}"))
    assert MARKS[shell] in script
    if shell != "powershell" and shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=60)


@pytest.mark.parametrize(
    ("typed", "word", "offered"),
    [
        ("unnoise sam", 1, ["sample"]),
        ("unnoise d", 1, ["demo", "doctor"]),
        ("unnoise sample --giv", 2, ["--given", "--given-file"]),
        ("unnoise score --likelihood ", 3, ["exact", "bound"]),
        ("unnoise sample model --sampler d", 4, ["dpm-solver++", "ddim"]),
        ("unnoise walk mine.py --chain ma", 4, ["mala"]),
    ],
)
def test_words_are_offered(typed: str, word: int, offered: list[str], ask: Callable[..., list[str]]) -> None:
    assert ask("complete_bash", COMP_WORDS=typed, COMP_CWORD=str(word)) == offered


def test_the_options_that_install_it_are_shown() -> None:
    told = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["--help"]).stdout
    assert all(option in told for option in ("--install-completion", "--show-completion", "--version"))
