"""Files are written whole or not at all: whatever writes, renames or removes does so beside, under `atomic_path`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from source import Module, Offence, expect_none, full_name, imported_names, module, modules, offences

WRITER = "unnoise._atomic"  # which alone writes, renames and removes under the names of others
METHODS = {"write_text", "write_bytes", "savefig", "imsave", "tofile", "to_csv", "write_csv", "to_parquet"}
METHODS |= {"write_parquet", "write_ipc", "to_pickle", "save_file", "savez", "savez_compressed", "savetxt"}
METHODS |= {"unlink", "rmdir", "rename", "rmtree", "symlink_to", "hardlink_to", "touch"}
FUNCTIONS = {"numpy.save", "torch.save", "os.replace", "os.remove", "os.removedirs", "os.renames", "os.link"}
FUNCTIONS |= {"os.symlink", "os.truncate", "json.dump", "pickle.dump", "shutil.move", "shutil.copy", "shutil.copyfile"}
FUNCTIONS |= {"shutil.copy2", "shutil.copytree", "tempfile.NamedTemporaryFile", "tempfile.mkstemp"}
IMAGE = "PIL.Image.fromarray"  # whose `save` writes

# Functions that write under a name of their own, and why they may.
EXCEPTIONS = {
    ("unnoise._sealed", "seal"): "changes a file that its callers write beside",
    ("unnoise._sealed", "_sort_metadata"): "changes a file that its caller writes beside",
    ("unnoise.data.mapped", "removed"): "removes the folder that `mapped` made",
    ("unnoise.model.standalone_numbers", "main"): "runs where unnoise, and its atomic_path, is not",
    ("unnoise.model.standalone_table", "main"): "runs where unnoise, and its atomic_path, is not",
    ("unnoise.storage.description", "write"): "is given a path beside",
    ("unnoise.storage.folder", "held"): "removes the empty folder that it made",
    ("unnoise.storage.folder", "complete"): "removes what killed runs left",
    ("unnoise.walking.keeping", "remove"): "removes the checkpoint that its class wrote",
}


def writes(one: Module) -> Iterator[Offence]:
    """Calls that write, rename or remove outside `with atomic_path(...)` and functions that are given `beside`."""
    if one.name != WRITER:
        yield from _writes(one.tree, one, imported_names(one), in_memory=set())


def _writes(node: ast.AST, one: Module, names: dict[str, str], in_memory: set[str]) -> Iterator[Offence]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and (_is_given_beside(child) or (one.name, child.name) in EXCEPTIONS):
            continue
        inside = in_memory
        if isinstance(child, ast.With):
            opened = [item.context_expr for item in child.items]
            if any(_called(part, names).endswith("atomic_path") for part in opened):
                continue
            named = [item for item in child.items if item.optional_vars and _is_in_memory(item, names)]
            inside = in_memory | {ast.unparse(item.optional_vars) for item in named}
        if isinstance(child, ast.Call) and _is_write(child, names, inside):
            yield child.lineno, ast.unparse(child).splitlines()[0]
        yield from _writes(child, one, names, inside)


def _is_given_beside(function: ast.FunctionDef) -> bool:
    spec = function.args
    return "beside" in {argument.arg for argument in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}


def _called(node: ast.expr, names: dict[str, str]) -> str:
    return full_name(node.func, names) if isinstance(node, ast.Call) else ""


def _is_in_memory(item: ast.withitem, names: dict[str, str]) -> bool:
    return _called(item.context_expr, names) in {"io.BytesIO", "io.StringIO"}


def _is_write(call: ast.Call, names: dict[str, str], in_memory: set[str]) -> bool:
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    nowhere = in_memory | {"os.devnull"}
    return _changes_files(call, names) and not any(ast.unparse(argument) in nowhere for argument in arguments)


def _changes_files(call: ast.Call, names: dict[str, str]) -> bool:
    name = full_name(call.func, names)
    last = name.rpartition(".")[2]
    if last in ("open", "?"):  # a builtin, which was not imported, or a method of a path
        opens = isinstance(call.func, ast.Attribute) or ast.unparse(call.func) == "open"
        return opens and _opens_to_write(call)
    if last == "save":
        return name in FUNCTIONS or (isinstance(call.func, ast.Attribute) and _called(call.func.value, names) == IMAGE)
    return name in FUNCTIONS or last in METHODS


def _opens_to_write(call: ast.Call) -> bool:
    """Whether a file is opened for more than reading."""
    modes = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(len(text) <= 3 and set(text) & set("wax+") for text in texts)


def test_the_package_writes_whole_files_or_none() -> None:
    expect_none(offences(writes, modules("src/unnoise")))


def test_an_exception_is_needed() -> None:
    """It stands for a function that is there and writes."""
    package = {one.name: one for one in modules("src/unnoise")}
    for name, function in EXCEPTIONS:
        bodies = [f for f in ast.walk(package[name].tree) if isinstance(f, ast.FunctionDef) and f.name == function]
        assert any(list(_writes(body, package[name], imported_names(package[name]), set())) for body in bodies), (
            function
        )


@pytest.mark.parametrize(
    ("source", "guilty"),
    [
        ("path.write_bytes(b'')", True),
        ("Path('x').write_text('')", True),
        ("with open(path, 'wb') as file: file.write(b'')", True),
        ("open(path, mode='a')", True),
        ("path.open('w')", True),
        ("import gzip\ngzip.open(path, 'wt')", True),
        ("import numpy as np\nnp.save(path, x)", True),
        ("import numpy as np\nnp.savez(path, x)", True),
        ("import torch\ntorch.save(x, path)", True),
        ("from safetensors.torch import save_file\nsave_file(x, path)", True),
        ("import safetensors.torch\nsafetensors.torch.save_file(x, path)", True),
        ("figure.savefig(path)", True),
        ("frame.write_csv(path)", True),
        ("frame.to_parquet(path)", True),
        ("from PIL import Image\nImage.fromarray(x).save(path)", True),
        ("import os\nos.replace(a, b)", True),
        ("import os\nos.rename(a, b)", True),
        ("from shutil import rmtree\nrmtree(a)", True),
        ("path.unlink(missing_ok=True)", True),
        ("import json\njson.dump(x, file)", True),
        ("def f(path):\n path.write_text('')", True),
        ("with other(path) as beside:\n beside.write_text('')", True),
        ("with atomic_path(path) as beside:\n pass\npath.write_text('')", True),
        ("from unnoise._atomic import atomic_path\nwith atomic_path(path) as beside:\n beside.write_text('')", False),
        (
            "from unnoise._atomic import atomic_path\n"
            "with atomic_path(path) as beside, open(beside, 'wb') as file:\n file.write(b'')",
            False,
        ),
        ("def f(beside):\n beside.write_text('')", False),
        ("import io\nwith io.BytesIO() as stream:\n figure.savefig(stream)", False),
        ("import os\nopen(os.devnull, 'wb')", False),
        ("open(path)", False),
        ("open(path, 'rb')", False),
        ("from PIL import Image\nImage.open('w.png')", False),
        ("model.save(folder)", False),
        ("path.mkdir()", False),
        ("bar = _open('w')", False),
        ("text.replace('a', 'b')", False),
    ],
)
def test_a_writer_is_seen(source: str, guilty: bool) -> None:
    assert bool(list(writes(module("unnoise.data.mine", source)))) == guilty


def test_the_writer_itself_may_write() -> None:
    assert not list(writes(module(WRITER, "import os\nos.replace(a, b)")))
