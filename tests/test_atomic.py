"""Files that are wholly written or not touched: what survives a fault, and what is cleaned up."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from unnoise import _atomic
from unnoise._atomic import atomic_path, clean_up
from unnoise._errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(target: Path, text: str) -> None:
    with atomic_path(target) as beside:
        beside.write_text(text)


def test_a_new_file_appears_under_its_name_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_the_old_content_stands_until_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as beside:
        beside.write_text("new")
        assert target.read_text() == "old"
        assert beside.parent == tmp_path
        assert beside.suffix == ".txt"
    assert target.read_text() == "new"


def fail_halfway(target: Path, fault: BaseException) -> None:
    with atomic_path(target) as beside:
        beside.write_text("half")
        raise fault


@pytest.mark.parametrize("fault", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_fault_leaves_the_old_file_and_nothing_else(tmp_path: Path, fault: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(type(fault)):
        fail_halfway(target, fault)
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("parquet: underlying IO error: No space left on device (os error 28)"),
        OSError("80000 requested and 34800 written"),
    ],
)
def test_a_full_disk_is_said_and_keeps_the_old_file(tmp_path: Path, fault: Exception) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match=r"No space left .*a\.txt; the existing a\.txt is untouched") as caught:
        fail_halfway(target, fault)
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_a_disk_that_fills_up_at_the_flush_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "a.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="untouched"):
        write(target, "new")
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_a_full_disk_without_an_old_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing was left behind"):
        fail_halfway(tmp_path / "a.txt", OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == []


def test_data_is_on_the_disk_before_the_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("flush"), fsync(descriptor))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("rename"), replace(a, b))[1])
    write(tmp_path / "a.txt", "new")
    assert events == ["flush", "rename", "flush"]  # the content, the name, the folder


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    (tmp_path / "plain").touch()
    with atomic_path(tmp_path / "a.txt") as beside:
        beside.touch(mode=0o600)  # as some writers do
    assert mode(tmp_path / "a.txt") == mode(tmp_path / "plain")
    (tmp_path / "a.txt").chmod(0o640)
    write(tmp_path / "a.txt", "again")
    assert mode(tmp_path / "a.txt") == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    write(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("what", ["file", "folder", "nothing", "device"])
def test_a_link_that_is_not_followed_is_replaced(tmp_path: Path, what: str) -> None:
    precious = Path(os.devnull) if what == "device" else tmp_path / "elsewhere" / "precious"
    (tmp_path / "elsewhere").mkdir()
    if what == "file":
        precious.write_text("years of work")
    if what == "folder":
        precious.mkdir()
    (tmp_path / "link.txt").symlink_to(precious)
    with atomic_path(tmp_path / "link.txt", follow=False) as beside:
        beside.write_text("new")
    assert not (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "link.txt").read_text() == "new"
    assert names(tmp_path / "elsewhere") == ([] if what in ("nothing", "device") else ["precious"])
    assert what != "file" or precious.read_text() == "years of work"


def test_a_device_is_refused_and_stays_a_device() -> None:
    with pytest.raises(InputError, match="device or a pipe"), atomic_path(Path(os.devnull)):
        pass
    assert Path(os.devnull).is_char_device()


def test_a_folder_is_exchanged_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for word in ("old", "new"):
        with atomic_path(target) as beside:
            (beside / "inner").mkdir(parents=True)
            (beside / "inner" / f"{word}.txt").write_text(word)
    assert names(tmp_path) == ["model"]
    assert names(target / "inner") == ["new.txt"]


def test_an_empty_folder_is_exchanged_where_systems_replace_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def as_on_windows(source: Path, target: Path) -> None:
        if Path(target).is_dir():
            raise PermissionError(errno.EACCES, "Access is denied", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", as_on_windows)
    target = tmp_path / "model"
    target.mkdir()
    with atomic_path(target) as beside:
        beside.mkdir()
        (beside / "a").write_text("new")
    assert names(tmp_path) == ["model"]
    assert names(target) == ["a"]


def test_a_folder_comes_back_if_the_new_one_cannot_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old.txt").write_text("old")
    rename = os.rename

    def stubborn(source: Path, destination: Path) -> None:
        if destination == target and ".partial-" in str(source):
            raise PermissionError("no")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", stubborn)
    with pytest.raises(PermissionError), atomic_path(target) as beside:
        beside.mkdir()
    assert names(tmp_path) == ["model"]
    assert (target / "old.txt").read_text() == "old"


@pytest.mark.parametrize("full", [True, False])
def test_a_file_does_not_replace_a_folder(tmp_path: Path, full: bool) -> None:
    target = tmp_path / "a.txt"
    target.mkdir()
    if full:
        (target / "precious").touch()
    with pytest.raises(InputError, match=r"is a folder; expected a file"):
        write(target, "new")
    assert target.is_dir()
    assert names(tmp_path) == ["a.txt"]


def killed_while_it_writes(target: Path) -> None:
    target.write_text("old")
    script = (
        "import os, signal, sys; from pathlib import Path; from unnoise._atomic import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as beside:\n"
        "    beside.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    source = Path(__file__).resolve().parents[1] / "src"
    killed = subprocess.run(
        [sys.executable, "-c", script, str(target)],
        env={**os.environ, "PYTHONPATH": str(source)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert len(names(target.parent)) == 2


def test_clean_up_after_a_real_kill(tmp_path: Path) -> None:
    killed_while_it_writes(tmp_path / "a.txt")
    clean_up(tmp_path / "a.txt")
    assert names(tmp_path) == ["a.txt"]


def test_the_next_writer_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    killed_while_it_writes(target)
    with atomic_path(target) as other:
        other.write_text("of the living")
        write(target, "new")
        assert names(tmp_path) == sorted(["a.txt", other.name])
    assert target.read_text() == "of the living"
    assert names(tmp_path) == ["a.txt"]


def test_clean_up_puts_back_a_folder_that_had_stepped_aside(tmp_path: Path) -> None:
    (tmp_path / ".model.replaced-0123").mkdir()
    (tmp_path / ".model.replaced-0123" / "old.txt").touch()
    (tmp_path / ".model.partial-4567").mkdir()
    (tmp_path / "other").touch()
    clean_up(tmp_path / "model")
    assert names(tmp_path) == ["model", "other"]
    assert names(tmp_path / "model") == ["old.txt"]
    clean_up(tmp_path / "no folder" / "model")  # nothing to repair


@pytest.mark.parametrize("left", [{"aside"}, {"aside", "target"}])
def test_the_next_writer_finds_the_folder_that_a_dead_one_moved_aside(left: set[str], tmp_path: Path) -> None:
    target = tmp_path / "model"
    if "target" in left:
        target.mkdir()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    aside = _atomic._beside(target, _atomic._ASIDE).name.replace(f"-{os.getpid()}-", f"-{dead.stdout.strip()}-")
    (tmp_path / aside).mkdir()
    with atomic_path(target) as beside:
        assert target.is_dir()
        beside.mkdir()
    assert names(tmp_path) == ["model"]
