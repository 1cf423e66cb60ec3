"""Encoded rows in files, which training reads batch by batch: as many as a disk holds.

Whole numbers take two bytes each where they fit. The files lie in a folder under the model's, and are used again by a
training that resumes with the same files of data.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise.data import conditions, scans
from unnoise.data.encoded import Encoded
from unnoise.data.scans import Scan
from unnoise.data.schema import Schema

FOLDER = ".tmp-rows"  # in the folder of a model, where names like this are leftovers
READY = "ready.json"
_WHOLE = (np.int16, np.int32, np.int64)
_AT_ONCE = 2**22  # numbers of one piece of a digest


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows as `Encoded`, of which batches alone are in memory.

    Args:
        held: {"x": states, and "known" and "cond" if there are any}, trees of arrays on disk.
        types: the types of the tensors, a tree like it.
        jitter: as in `Encoded`.
        gone: rising indices of rows on disk that are none of these.
    """

    held: Any
    types: Any
    jitter: Any
    gone: Any = ()

    def __len__(self) -> int:
        return len(next(_tree.leaves(self.held))[1]) - len(self.gone)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The rows, integers uniform in their cells, and their conditions."""
        return self.rows(indices).all(rng)

    def rows(self, indices: Tensor) -> Encoded:
        """The rows at `indices`, in memory."""
        places = self._places(indices.numpy())
        order = np.argsort(places, kind="stable")  # a disk reads forwards
        back = np.argsort(order, kind="stable")
        tree = _tree.map(lambda leaf, kind: _tensor(leaf[places[order]][back], kind), self.held, self.types)
        return Encoded(tree["x"], self.jitter, tree.get("cond"), tree.get("known"))

    def without(self, out: Tensor) -> Self:
        """All rows but those at the rising indices `out`; without a list of those that stay."""
        return replace(self, gone=np.union1d(np.asarray(self.gone, dtype=np.int64), self._places(out.numpy())))

    def _places(self, indices: Any) -> Any:
        """Where rows stand on disk: each after the rows that are gone before it."""
        if not len(self.gone):
            return indices
        return indices + np.searchsorted(self.gone - np.arange(len(self.gone)), indices, side="right")

    def known_at(self, indices: Tensor) -> Any:
        """Where the rows say what x is; None for everywhere."""
        return self.rows(indices).known if "known" in self.held else None

    def digest(self) -> str:
        """Of every number of the data, as that of `Encoded`."""
        parts = [("x", None), ("", self.jitter), ("cond", None)] + [("known", None)] * ("known" in self.held)
        bits = hashlib.blake2b(digest_size=16)
        for number, (name, small) in enumerate(parts):
            tree = self.held.get(name, small)
            types = dict(_tree.leaves(self.types.get(name, None)))
            for path, leaf in _tree.leaves(tree):
                bits.update(repr((number, path)).encode())
                if leaf is not None:
                    bits.update(repr((types.get(path) or leaf.dtype, self._shape(leaf, name))).encode())
                    for piece in _pieces(leaf, self.gone if name in self.held else ()):
                        bits.update(_bytes(piece, types.get(path)))
        return bits.hexdigest()

    def _shape(self, leaf: Any, name: str) -> tuple[int, ...]:
        return (len(self), *leaf.shape[1:]) if name in self.held else tuple(leaf.shape)


def mapped(schema: Schema, scan: Scan, y: Any, folder: Path, size: int | None = None) -> Mapped:
    """All rows, encoded block by block into files in `folder`; those of the same data are used again."""
    key = _key(schema, scan)
    found = _again(schema, folder, key)
    if found is not None:
        return found
    removed(folder)
    with atomic_path(folder) as beside:
        beside.mkdir()
        kinds = _write(schema, scan, y, size or scans.BLOCK, beside)
        (beside / READY).write_text(json.dumps({"key": key, "rows": len(scan), "types": kinds}), encoding="utf-8")
    found = _again(schema, folder, key)
    if found is None:
        raise InputError(f"{folder} cannot be read back; is its disk full, or does another training write there?")
    return found


def removed(folder: Path) -> None:
    """Without the files of rows."""
    shutil.rmtree(folder, ignore_errors=True)


def _key(schema: Schema, scan: Scan) -> str:
    """Of the files and what is read from them."""
    about = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in scan.files]
    text = json.dumps([about, len(scan), schema.to_config()], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _again(schema: Schema, folder: Path, key: str) -> Mapped | None:
    try:
        ready = json.loads((folder / READY).read_text(encoding="utf-8"))
        if ready["key"] != key:
            return None
        held = {name: np.load(folder / f"{number}.npy", mmap_mode="r") for number, name in enumerate(ready["types"])}
    except (OSError, ValueError, KeyError):
        return None
    jitter = schema.jitter
    kinds = {name: getattr(torch, kind) for name, kind in ready["types"].items()}
    return Mapped(_nested(held), _nested(kinds), jitter)


def _write(schema: Schema, scan: Scan, y: Any, size: int, beside: Path) -> dict[str, str]:
    """The types of all leaves by their paths, in the order of the files 0.npy, 1.npy, ..."""
    files: dict[str, _File] = {}
    for number, block in scan.blocks(size):
        start = number * size
        encoded = schema.encode(block, conditions.taken(y, slice(start, start + len(block))))
        known = schema.whole(len(block)) if encoded.known is None and schema.missing else encoded.known
        for name, leaf in _tree.leaves({"x": encoded.x, "cond": encoded.cond, "known": known}):
            if leaf is not None:
                if name not in files and start:
                    raise InputError(f"the rows from {start:,} have holes where those before had none")
                if name not in files:
                    files[name] = _File(beside / f"{len(files)}.npy", (len(scan), *leaf.shape[1:]), leaf.dtype)
                files[name].put(start, leaf.numpy())
    for file in files.values():
        file.array.flush()
    return {name: str(file.kind).removeprefix("torch.") for name, file in files.items()}


class _File:
    """An array on disk, of the shortest whole numbers that hold what came."""

    def __init__(self, beside: Path, shape: tuple[int, ...], kind: torch.dtype) -> None:
        self.path, self.shape, self.kind = beside, shape, kind
        self.array = self._made(np.int16 if kind == torch.int64 else torch.empty(0, dtype=kind).numpy().dtype)

    def put(self, start: int, values: Any) -> None:
        """Rows from `start`."""
        if self.kind == torch.int64 and values.size:
            low, high = int(values.min()), int(values.max())
            fits = next(t for t in _WHOLE if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
            if np.dtype(fits).itemsize > self.array.dtype.itemsize:
                self._widen(fits, start)
        self.array[start : start + len(values)] = values

    def _widen(self, kind: Any, rows: int) -> None:
        old, narrow = self.array, self.path
        self.path = narrow.with_suffix(".wide")
        self.array = self._made(kind)
        for start in range(0, rows, scans.BLOCK):
            part = slice(start, min(start + scans.BLOCK, rows))
            self.array[part] = old[part]
        self.path = self.path.replace(narrow)

    def _made(self, kind: Any) -> Any:
        return np.lib.format.open_memmap(self.path, mode="w+", dtype=kind, shape=self.shape)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """The tree whose dotted paths these are."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        top, _, rest = path.partition(".")
        if rest:
            tree.setdefault(top, {})[rest] = leaf
        else:
            tree[top] = leaf
    return tree


def _tensor(values: Any, kind: torch.dtype) -> Tensor:
    return torch.from_numpy(np.array(values, order="C")).to(kind)


def _pieces(leaf: Any, gone: Any) -> Any:
    if not leaf.ndim:
        yield leaf
        return
    rows = max(1, _AT_ONCE // max(1, int(np.prod(leaf.shape[1:]))))
    for start in range(0, len(leaf), rows):
        low, high = np.searchsorted(gone, [start, start + rows])
        piece = leaf[start : start + rows]
        yield np.delete(piece, gone[low:high] - start, axis=0) if high > low else piece


def _bytes(piece: Any, kind: torch.dtype | None) -> Any:
    tensor = piece if isinstance(piece, Tensor) else _tensor(piece, kind or torch.float32)
    return tensor.contiguous().flatten().view(torch.uint8).numpy()
