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


def test_ctrl_c_while_modules_are_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(unnoise, "cli")
    monkeypatch.delitem(sys.modules, "unnoise.cli")
    monkeypatch.setattr(sys, "meta_path", [Pressing(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "unnoise: interrupted\n")
