"""How the command line begins: Ctrl-C while modules are imported is no traceback."""

from __future__ import annotations

import sys

import pytest

import unnoise
import unnoise.cli
from unnoise.__main__ import main


class Pressing:
    """What Python asks for modules, and where Ctrl-C comes."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "unnoise.cli":
            raise KeyboardInterrupt


@pytest.mark.parametrize("importing", [True, False])
def test_ctrl_c_before_a_verb_runs_is_one_line(
    importing: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    if importing:
        monkeypatch.delattr(unnoise, "cli")
        monkeypatch.delitem(sys.modules, "unnoise.cli")
        monkeypatch.setattr(sys, "meta_path", [Pressing(), *sys.meta_path])
    else:
        monkeypatch.setattr(unnoise.cli, "main", press)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "unnoise: interrupted\n")
