"""Ctrl-C before a verb runs ends in a sentence too."""

from __future__ import annotations

import pytest

from unnoise import cli


def test_ctrl_c_while_the_command_line_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "unnoise: interrupted\n"
