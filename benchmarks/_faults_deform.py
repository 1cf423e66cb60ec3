"""Ways to deform a model folder: its JSON, its tensors, the bytes and the kinds of its files."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from unnoise import InputError
from unnoise._sealed import seal
from unnoise.storage import CONFIG, TRAINING, WEIGHTS

Random = random.Random
CODE = ("os:system", "builtins:eval", "subprocess:Popen", "evil_canary:run", "unnoise._atomic:os", "torch.hub:load")
CODE += ("unnoise.schedules.rates:torch.load", "unnoise.cli:main", "unnoise.heads.base:Any", "unnoise.networks.mlp:nn")
CALLS = [{"name": name} for name in CODE]
CALLS += [{"partial": {"name": name}, "arguments": ["touch canary"], "keywords": {"dict": {}}} for name in CODE]
CALLS += [{"object": name, "fields": {"command": "touch canary"}} for name in CODE]
NUMBERS = (-1, 0, 1, 2, 3.5, 1e-300, 1e308, -1e308, float("nan"), float("inf"), 10**9, 10**12, 2**63, 10**30)
OTHERS = (None, True, False, "", "x", "0", "nan", "a" * 100_000, "\ud800", "\x00", "../..", [], {}, [[]], [None])
OTHERS += ({"dict": {}}, {"tuple": []}, {"dtype": "float16"}, {"dtype": "load"}, {"partial": 1}, {"object": 5})
OTHERS += ([0] * 100_000, {str(i): i for i in range(10_000)})


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    tree: Any = 0
    for _ in range(depth):
        tree = [tree]
    return tree


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all nodes below the root."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in items:
        yield (*path, key)
        yield from nodes(child, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    """The node of a path."""
    for key in path:
        tree = tree[key]
    return tree


def json_node(folder: Path, rng: Random) -> str:
    """Replace, remove or move one node of the description."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    path = rng.choice([path for path in nodes(config) if path[0] != "checksum"])
    parent, key, old = at(config, path[:-1]), path[-1], at(config, path)
    kind = rng.randrange(10)
    new: Any
    if kind == 0:
        del parent[key]
        new = "removed"
    else:
        if kind < 3 and not isinstance(old, dict | list):
            new = parent[key] = rng.choice(NUMBERS)
        elif kind < 5:
            new = parent[key] = copy.deepcopy(at(config, rng.choice(list(nodes(config)))))
        elif kind < 7:
            new = parent[key] = rng.choice(CALLS)
        elif kind < 8:
            new = parent[key] = nested(rng.choice((10, 400)))
        else:
            new = parent[key] = rng.choice((*OTHERS, *NUMBERS))
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return f"{'.'.join(map(str, path))} = {str(new)[:90]!r}"


def other_class(folder: Path, rng: Random) -> str:
    """Give one object another class of unnoise, or one number another size."""
    text, names = (folder / CONFIG).read_text(encoding="utf-8"), known_names()
    config = json.loads(text)
    found = [path for path in nodes(config) if isinstance(at(config, path), str) and ":" in at(config, path)]
    if not found:
        return json_node(folder, rng)
    path = rng.choice(found)
    new = at(config, path[:-1])[path[-1]] = rng.choice(names)
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return f"{'.'.join(map(str, path))} = {new}"


def known_names() -> list[str]:
    """All parts of models that unnoise has."""
    from unnoise import denoisers, evaluation, heads, laws, networks, objectives, processes, samplers, schedules, spaces

    places = (denoisers, evaluation, heads, laws, networks, objectives, processes, samplers, schedules, spaces)
    found = {getattr(place, name) for place in places for name in dir(place) if not name.startswith("_")}
    return sorted(f"{one.__module__}:{one.__qualname__}" for one in found if hasattr(one, "__qualname__"))


def json_text(folder: Path, rng: Random) -> str:
    """Spoil the description as a text."""
    text = (folder / CONFIG).read_text(encoding="utf-8")
    middle = rng.randrange(len(text))
    spoiled: dict[str, str | bytes] = {
        "cut off": text[:middle],
        "100,000 brackets": text[:middle] + "[" * 100_000 + text[middle:],
        "no text": b"\xff\xfe\x00" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "a list": "[1, 2]",
        "a number": "7",
        "null": "null",
        "empty": "",
        "a long number": text.replace("1.0", "1" * 10_000, 1),
        "twice the key params": text.rstrip().rstrip("}") + ', "params": {"dict": {"steps": -1}}}',
        "bytes of zero": b"\0" * len(text),
        "another format": text.replace("unnoise.model.", "unnoise.model.9", 1),
    }
    name = rng.choice(list(spoiled))
    content = spoiled[name]
    (folder / CONFIG).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return f"{CONFIG}: {name}"


def tensors(folder: Path, rng: Random) -> str:
    """Rename, reshape, retype, remove, add or spoil a tensor, keeping the header's words."""
    path = folder / rng.choice([name for name in (WEIGHTS, TRAINING) if (folder / name).is_file()])
    with safetensors.safe_open(path, framework="pt") as file:
        metadata, held = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = rng.choice(sorted(held))
    old = held.pop(name)
    ways: dict[str, Callable[[], dict[str, torch.Tensor]]] = {
        "missing": dict,
        "renamed": lambda: {f"{name}.x": old},
        "longer": lambda: {name: torch.cat([old.reshape(-1), old.reshape(-1)])},
        "shorter": lambda: {name: old.reshape(-1)[: old.numel() // 2].clone()},
        "empty": lambda: {name: old.reshape(-1)[:0].clone()},
        "of another shape": lambda: {name: old.reshape(1, -1)},
        "of half precision": lambda: {name: old.to(torch.float16)},
        "of double precision": lambda: {name: old.to(torch.float64)},
        "whole numbers": lambda: {name: old.to(torch.int32)},
        "NaN": lambda: {name: torch.full_like(old.float(), torch.nan).to(old.dtype)},
        "infinite": lambda: {name: torch.full_like(old.float(), torch.inf).to(old.dtype)},
        "with another beside it": lambda: {name: old, "more": torch.zeros(3)},
        "scaled by 1e30": lambda: {name: (old.double() * 1e30).to(old.dtype)},
    }
    way = rng.choice(list(ways))
    safetensors.torch.save_file(held | ways[way](), path, metadata=metadata)
    return f"{path.name}: {name} {way}"


def header(folder: Path, rng: Random) -> str:
    """Lie in the header of a file of tensors, or cut the file."""
    path = folder / rng.choice([name for name in (WEIGHTS, TRAINING) if (folder / name).is_file()])
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    words, data = content[8 : 8 + length], content[8 + length :]
    entries = json.loads(words)
    name = rng.choice([name for name in entries if name != "__metadata__"])
    where, key = rng.choice(("shape", "data_offsets", "dtype", "whole", "length", "metadata", "cut")), None
    if where == "length":
        key = rng.choice((0, 7, length + 1, 10**9, 2**63, 2**64 - 1))
        path.write_bytes(struct.pack("<Q", key) + words + data)
    elif where == "cut":
        key = rng.randrange(len(content))
        path.write_bytes(content[:key])
    else:
        lies = {"shape": ([2**40, 2**40], [10**9], [-1], "x"), "dtype": ("F8", "x", None, "I64")}
        lies |= {"data_offsets": ([0, 10**12], [-5, 5], [8, 0], None), "whole": (None, [], {}, 5, nested(400))}
        if where == "metadata":
            entries["__metadata__"]["metadata"] = key = rng.choice(("", "null", "[]", "{", '{"step": -1}', "[" * 10**5))
        else:
            key = rng.choice(lies[where])
            entries[name] = key if where == "whole" else entries[name] | {where: key}
        words = json.dumps(entries).encode()
        path.write_bytes(struct.pack("<Q", len(words)) + words + data)
    return f"{path.name}: in the header {name} {where} = {str(key)[:60]}"


def kinds_of_files(folder: Path, rng: Random) -> str:
    """Put a link, a pipe, a device or a folder in the place of a file, or mix the files of two models."""
    name = rng.choice([name for name in (CONFIG, WEIGHTS, TRAINING) if (folder / name).is_file()])
    path, elsewhere = folder / name, folder.parent / "precious"
    way = rng.choice(
        ("link", "dangling link", "loop", "pipe", "folder", "device", "socket", "unreadable", "all linked")
    )
    if way == "all linked":
        shutil.copytree(folder, elsewhere / "m")
        for other in (CONFIG, WEIGHTS, TRAINING):
            if (elsewhere / "m" / other).is_file():
                (folder / other).unlink()
                (folder / other).symlink_to(elsewhere / "m" / other)
        return "every file is a link"
    if way == "link":
        shutil.copy(path, elsewhere / name)
    path.unlink()
    makers: dict[str, Callable[[], object]] = {
        "link": lambda: path.symlink_to(elsewhere / name),
        "dangling link": lambda: path.symlink_to(elsewhere / "nothing"),
        "loop": lambda: path.symlink_to(path),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "socket": lambda: socket.socket(socket.AF_UNIX).bind(str(path.relative_to(Path.cwd()))),
        "unreadable": lambda: path.touch(mode=0),
    }
    makers[way]()
    return f"{name} is a {way}"


WAYS = (json_node, json_node, json_node, other_class, json_text, tensors, tensors, header, kinds_of_files)


def reseal(folder: Path) -> None:
    """Give the deformed files right checksums, as whoever wants to harm would."""
    for name in (CONFIG, WEIGHTS, TRAINING):
        path = folder / name
        if path.is_file() and not path.is_symlink():
            try:
                seal(path)
            except InputError:  # no field is left
                continue
