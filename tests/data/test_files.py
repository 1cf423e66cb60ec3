"""Files: every format there and back, every fault in one sentence, nothing half written."""

from __future__ import annotations

import datetime as dt
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from unnoise._errors import InputError
from unnoise.data import Schema, check_writable, files, read, write

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": [0.1, 1e300, -1 / 3], "c": ["u", "v, w", 'x "y"']})
ARRAY = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("convert", [lambda f: f, lambda f: f.to_pandas(), lambda f: f.to_arrow()])
def test_tables_go_there_and_back(tmp_path: Path, suffix: str, convert: Callable[[pl.DataFrame], Any]) -> None:
    path = tmp_path / f"data{suffix}"
    write(convert(FRAME), path)
    back = read(path)
    assert isinstance(back, pl.DataFrame)
    assert back.equals(FRAME)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_matrices_can_be_tables(tmp_path: Path, suffix: str) -> None:
    write(torch.tensor(ARRAY), tmp_path / f"data{suffix}")
    back = read(tmp_path / f"data{suffix}")
    assert isinstance(back, pl.DataFrame)
    assert back.columns == ["x0", "x1", "x2"]
    assert (back.to_numpy() == ARRAY).all()


@pytest.mark.parametrize("array", [ARRAY, ARRAY.astype(np.float32).reshape(5, 3, 1), np.arange(4), np.array([True])])
def test_arrays_go_there_and_back(tmp_path: Path, array: np.ndarray) -> None:
    write(array, str(tmp_path / "data.npy"))
    back = read(str(tmp_path / "data.npy"))
    assert isinstance(back, np.ndarray)
    assert back.dtype == array.dtype
    assert (back == array).all()


def test_archives_give_their_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", anything=ARRAY)
    np.savez_compressed(tmp_path / "x.npz", y=np.zeros(2), x=ARRAY)
    np.savez(tmp_path / "many.npz", a=ARRAY, b=ARRAY)
    assert (read(tmp_path / "one.npz") == ARRAY).all()
    assert (read(tmp_path / "x.npz") == ARRAY).all()
    with pytest.raises(InputError, match=r"many\.npz holds 2 arrays \(a, b\); expected one, or one named x"):
        read(tmp_path / "many.npz")


def test_safetensors_give_their_tensor(tmp_path: Path) -> None:
    save_file({"t": torch.tensor(ARRAY)}, tmp_path / "one.safetensors")
    save_file({"t": torch.tensor([1.5], dtype=torch.bfloat16)}, tmp_path / "half.safetensors")
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, tmp_path / "many.safetensors")
    assert (read(tmp_path / "one.safetensors") == ARRAY).all()
    assert read(tmp_path / "half.safetensors").tolist() == [1.5]
    with pytest.raises(InputError, match="holds 2 arrays"):
        read(tmp_path / "many.safetensors")


def test_images_are_a_folder_without_a_suffix(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(3, 8, 6), dtype=np.uint8)
    write(images, tmp_path / "images")
    assert (read(tmp_path / "images") == images).all()
    write(images[:2], tmp_path / "images", overwrite=True)
    assert (read(tmp_path / "images") == images[:2]).all()


def complete(folder: Path) -> dict[str, Path]:
    """One good file of each kind."""
    FRAME.write_csv(folder / "a.csv")
    FRAME.write_parquet(folder / "a.parquet")
    np.save(folder / "a.npy", ARRAY)
    np.savez(folder / "a.npz", ARRAY)
    save_file({"t": torch.tensor(ARRAY)}, folder / "a.safetensors")
    return {path.suffix: path for path in folder.iterdir()}


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".npz", ".safetensors"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.98])
def test_truncated_files_are_said(tmp_path: Path, suffix: str, kept: float) -> None:
    path = complete(tmp_path)[suffix]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(
        InputError,
        match=rf"a\{suffix} cannot be read, it (may be damaged or cut short: .+|is no \.npy file)\.$",
    ):
        read(path)


@pytest.mark.parametrize(
    ("sound", "damaged"), [(b"}", b"("), (b"(5, 3)", b"(5, 9)"), (b"(5,", b"9**"), (b"<f8", b"|O8")]
)
def test_a_damaged_header_is_said(tmp_path: Path, sound: bytes, damaged: bytes) -> None:
    path = complete(tmp_path)[".npy"]
    content = path.read_bytes()
    assert sound in content
    path.write_bytes(content.replace(sound, damaged, 1))
    with pytest.raises(InputError, match=r"a\.npy cannot be read"):
        read(path)


def test_damage_that_makes_polars_panic_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet", compression="uncompressed")
    content = (tmp_path / "a.parquet").read_bytes()
    for at in range(4, len(content) - 8, 7):
        (tmp_path / "a.parquet").write_bytes(content[:at] + b"\xff\xff" + content[at + 2 :])
        try:
            read(tmp_path / "a.parquet")
        except InputError as error:
            print(error, file=sys.stdout)
    assert "cannot be read" in capfd.readouterr().out
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy", ".npz", ".safetensors"])
def test_other_content_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(InputError, match=rf"a\{suffix} cannot be read"):
        read(path)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".npy", ".npz", ".safetensors"])
def test_empty_files_are_said(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path / f"a{suffix}")


def test_missing_files_are_said_with_a_guess(tmp_path: Path) -> None:
    (tmp_path / "penguins.csv").touch()
    with pytest.raises(InputError, match=r"There is no file or folder .*penguin\.csv; did you mean .*penguins\.csv\?"):
        read(tmp_path / "penguin.csv")
    with pytest.raises(InputError, match=r"did you mean .*penguins\.csv\?"):
        read(tmp_path / "penguins.parquet")
    for unlike in ("sales.csv", "t.csv", "nowhere/data.csv"):  # that share an ending
        with pytest.raises(InputError, match=r"There is no file or folder .*\.csv\.$"):
            read(tmp_path / unlike)


@pytest.mark.parametrize("kind", ["pipe", "device", "link to itself", "folder"])
def test_what_is_no_file_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.csv"
    make: dict[str, Callable[[], Any]] = {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "link to itself": lambda: path.symlink_to(path),
        "folder": path.mkdir,
    }
    make[kind]()
    with pytest.raises(InputError, match=r"is no file but a pipe|a\.csv cannot be read: |a\.csv holds no images"):
        read(path)


def test_an_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2]}, index=[5, 7]).to_parquet(tmp_path / "a.parquet")
    with pytest.warns(UserWarning, match=r"The index of .* \(without a name\) is no column and is left out"):
        assert read(tmp_path / "a.parquet").to_dict(as_series=False) == {"a": [1, 2]}


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    for name in ("a[1].parquet", "k=3"):
        (tmp_path / name).mkdir() if name == "k=3" else FRAME.write_parquet(tmp_path / name)
    FRAME.write_parquet(tmp_path / "k=3" / "a*.parquet")
    assert read(tmp_path / "a[1].parquet").equals(FRAME)
    assert read(tmp_path / "k=3" / "a*.parquet").equals(FRAME)


def test_a_table_of_few_bytes_and_many_rows_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": pl.repeat(True, 10**7, dtype=pl.Boolean, eager=True)}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet would take over \d+ MB of memory"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("error", [MemoryError("9 TB"), OSError(errno.EIO, "Input/output error"), KeyError("x")])
def test_other_faults_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    path = complete(tmp_path)[".csv"]

    def fail(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(files.Path, "read_bytes", fail)
    with pytest.raises(InputError, match=r"a\.csv (does not fit into memory: 9 TB|cannot be read: Input|.*damaged)"):
        read(path)


def test_a_stop_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = complete(tmp_path)[".csv"]

    def stop(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.Path, "read_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        read(path)


def test_unknown_types_are_said_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "data.doc").write_text("x")
    with pytest.raises(InputError, match=r"no known type; expected \.csv, .*\.parquet, .*\.csv\.zst, .*, or a f"):
        read(tmp_path / "data.doc")


def test_unreadable_files_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = complete(tmp_path)[".npy"]

    def refuse(*args: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # a superuser may read everything
    with pytest.raises(InputError, match=r"a\.npy cannot be read: permission denied"):
        read(path)


def test_python_objects_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="it holds Python objects, which could run code"):
        read(tmp_path / "a.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_no_output(tmp_path: Path) -> None:
    """It was said that --overwrite replaces it, which refused it then."""
    os.mkfifo(tmp_path / "pipe.csv")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is a device or a pipe; expected the name of a file"):
            check_writable(tmp_path / "pipe.csv", overwrite)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npy"])
def test_existing_files_need_overwrite(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("precious")
    with pytest.raises(InputError, match=r"exists; pass --overwrite \(overwrite=True\) to replace it"):
        write(ARRAY, path)
    assert path.read_text() == "precious"
    write(ARRAY, path, overwrite=True)
    assert np.asarray(read(path)).tolist() == ARRAY.tolist()


@pytest.mark.parametrize(
    ("data", "writer"),
    [
        (FRAME, "narwhals.stable.v2.DataFrame.write_csv"),
        (ARRAY, "numpy.save"),
        (ARRAY.astype(np.uint8)[None], "PIL.Image.Image.save"),
    ],
)
def test_a_full_disk_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Any, writer: str
) -> None:
    path = tmp_path / {"numpy.save": "a.npy", "PIL.Image.Image.save": "images"}.get(writer, "a.csv")
    write(data, path)
    before = np.asarray(read(path))

    def full(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, full)
    with pytest.raises(OSError, match=f"No space left on the disk .* the existing {path.name} is untouched"):
        write(data, path, overwrite=True)
    assert os.listdir(tmp_path) == [path.name]
    assert (np.asarray(read(path)) == before).all()


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (
            FRAME,
            "a.npy",
            r"A table cannot be written to .*a\.npy; give a name that ends in \.csv or \.parquet",
        ),
        (FRAME, "folder", "A table cannot be written to .*folder"),
        (ARRAY[None], "a.csv", r"An array of shape \(1, 5, 3\) cannot be written .* ends in \.npy"),
        (np.array([["a"]], dtype=object), "a.npy", r"An array with text cannot be written .* ends in \.csv"),
        (ARRAY, "images", r"An array of shape \(5, 3\) cannot be written as images"),
        (ARRAY[None], "images", r"Images of type float64 cannot be written as PNG files"),
        (np.full((1, 2, 2), 256), "images", "Images of type int64 cannot be written as PNG files"),
    ],
)
def test_data_that_does_not_fit_the_name_is_refused(tmp_path: Path, data: Any, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write(data, tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_outputs_are_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable(tmp_path / "a.csv")
    with pytest.raises(
        InputError, match=r"a\.xlsx is of no type that can be written; expected \.csv, \.parquet, \.npy, a folder"
    ):
        check_writable(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match=r"The folder .*nowhere does not exist; create it first"):
        check_writable(tmp_path / "nowhere" / "a.csv")
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match="pass --overwrite"):
        check_writable(tmp_path / "a.csv")
    check_writable(tmp_path / "a.csv", overwrite=True)
    (tmp_path / "empty").mkdir()
    check_writable(tmp_path / "empty")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="cannot be written to: permission denied"):
        check_writable(tmp_path / "b.csv")
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "empty"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    images = np.zeros((2, 4, 4), dtype=np.uint8)
    for attempt in (
        lambda: check_writable(tmp_path, overwrite=True),
        lambda: write(images, tmp_path, overwrite=True),
    ):
        with pytest.raises(InputError, match=r"holds other files \(such as holiday\.jpg\), which would be lost"):
            attempt()
    assert os.listdir(tmp_path) == ["holiday.jpg"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_holes_go_to_a_file_and_back(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame(
        {
            "real": [1.5, None, 2.5, 4.0],
            "whole": [1, 2, None, 4],
            "truth": [True, None, False, True],
            "text": ["u", "v", None, "!"],
        }
    )
    write(frame, tmp_path / f"rows{suffix}")
    assert read(tmp_path / f"rows{suffix}").equals(frame)
    schema = Schema.infer(read(tmp_path / f"rows{suffix}"))
    assert schema.missing == tuple(frame.columns)
    assert schema.factors["category"].levels == ((False, True), ("!", "u", "v"))
    drawn = schema.decode(schema.encode(frame).x)
    write(drawn, tmp_path / f"drawn{suffix}")
    assert read(tmp_path / f"drawn{suffix}").select(pl.all().exclude("real")).equals(frame.drop("real"))
    for convert in (pl.DataFrame.to_pandas, pl.DataFrame.to_arrow):
        write(convert(frame), tmp_path / f"other{suffix}", overwrite=True)
        assert read(tmp_path / f"other{suffix}").null_count().equals(frame.null_count())


def test_holes_of_an_array_go_to_a_file_and_back(tmp_path: Path) -> None:
    array = np.array([[1.0, np.nan], [2.0, 3.5], [np.nan, 4.0]])
    for name in ("rows.npy", "rows.csv", "rows.parquet"):
        write(array, tmp_path / name)
        back = read(tmp_path / name)
        schema = Schema.infer(back)
        assert schema.missing == schema.columns_of_state
        assert [rows.tolist() for rows in schema.holes(back).values()] == np.isnan(array).T.tolist()


def test_what_was_sampled_as_a_frame_can_be_written(tmp_path: Path) -> None:
    """Frames with types of their own: categories and nullable numbers."""
    frame = pd.DataFrame({"c": pd.Categorical(["u", "v"]), "n": pd.array([1, 2], dtype="Int64")})
    write(frame, tmp_path / "a.csv")
    assert read(tmp_path / "a.csv").rows() == [("u", 1), ("v", 2)]
    write(pa.Table.from_pandas(frame), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").rows() == [("u", 1), ("v", 2)]


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_durations_are_written_as_text_that_is_read_again(tmp_path: Path, kind: str) -> None:
    held = [dt.timedelta(days=1, hours=2, milliseconds=4), dt.timedelta(seconds=-90), None]
    frame = pl.DataFrame({"x": [1, 2, 3], "d": held})
    write({"polars": frame, "pandas": frame.to_pandas(), "pyarrow": frame.to_arrow()}[kind], tmp_path / "d.csv")
    texts = read(tmp_path / "d.csv")["d"].to_list()
    assert texts == ["1 days 02:00:00.004000", "-1 days +23:58:30.000000", None]
    assert pd.to_timedelta(texts).tolist()[:2] == held[:2]
