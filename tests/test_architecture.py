"""The rules of the house, read off the source: where imports point, what is documented, what is random.

Each rule is a function from the syntax tree of a file to the offences in it, itself tested on guilty code.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "unnoise"
FILES = sorted(PACKAGE.rglob("*.py"))

# A module imports from its own layer and from the layers before it, never from one after it.
LAYERS = [
    ("_errors", "_atomic", "_config", "_memory", "_progress", "_provenance", "_random", "_tree", "_version"),
    ("schedules",),
    ("laws",),
    ("spaces",),
    ("heads",),
    ("processes",),
    ("networks",),
    ("denoisers",),
    ("objectives",),
    ("samplers",),
    ("chains",),
    ("targets",),
    ("evaluation",),
    ("training",),
    ("data",),
    ("storage",),
    ("model",),
    ("report",),
    ("testing",),
    ("cli",),
    ("__init__", "__main__"),
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

TORCH_DRAWS = {"bernoulli", "multinomial", "normal", "poisson", "rand", "randint", "randn", "randperm"}
TORCH_DRAWS |= {"rand_like", "randint_like", "randn_like"}
TENSOR_DRAWS = {"bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_"}
TENSOR_DRAWS |= {"normal_", "random_", "uniform_"}
GLOBAL_SEEDS = {"torch.manual_seed", "torch.random.manual_seed", "torch.seed", "torch.set_rng_state"}
GLOBAL_SEEDS |= {"torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}
OWN_GENERATORS = {"Generator", "SeedSequence", "default_rng", "PCG64", "Philox"}

Rule = Callable[[ast.Module], list[str]]


def layer(file: Path) -> str:
    """The layer that a file of the package belongs to: its folder, or its own name at the top."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The full name of the module that a from-import names, with leading dots resolved against `package`."""
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imported_layers(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Line and layer of every import from the package itself, also inside functions and for type checkers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, package)
            names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            root, _, rest = name.partition(".")
            if root == "unnoise":
                yield node.lineno, rest.split(".")[0] or "__init__"


def upward_imports(tree: ast.Module, package: str, own: str) -> list[str]:
    return [
        f"line {line}: {own} imports from {other}, which is not below it"
        for line, other in imported_layers(tree, package)
        if RANK.get(other, len(LAYERS)) > RANK[own]
    ]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def unannotated(tree: ast.Module) -> list[str]:
    """Arguments and results of public functions that do not say what they are."""
    offences = []
    for function in functions(tree):
        if function.name.startswith("_") and function.name != "__init__":
            continue
        spec = function.args
        arguments = [
            *spec.posonlyargs,
            *spec.args,
            *spec.kwonlyargs,
            *filter(None, [spec.vararg, spec.kwarg]),
        ]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        bare += ["return"] if function.returns is None else []
        offences += [f"line {function.lineno}: {function.name}: {name}" for name in bare]
    return offences


def undocumented(tree: ast.Module) -> list[str]:
    return [] if ast.get_docstring(tree) else ["line 1: no docstring"]


def asserts(tree: ast.Module) -> list[str]:
    """`assert` is gone under `python -O`, and its message is for developers: users get an InputError."""
    return [f"line {node.lineno}: assert" for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def not_implemented(tree: ast.Module) -> list[str]:
    """What a class cannot do is not in its type, so nothing is left to raise NotImplementedError for."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node)
    ]


def full_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `np` -> `numpy`, `randn` -> `torch.randn`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
            names |= {top: top for top in (a.name.split(".")[0] for a in node.names if not a.asname)}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def called(call: ast.Call, names: dict[str, str]) -> str:
    """The full dotted name of what is called; what was not imported is written `?`."""
    parts: list[str] = []
    node = call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(names.get(node.id, "?") if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def has_generator(call: ast.Call) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "generator"]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)


def draws_globally(full_name: str) -> bool:
    """Whether a call of this name uses a global generator unless it is given one."""
    module, _, name = full_name.rpartition(".")
    if module == "numpy.random":
        return name not in OWN_GENERATORS
    if module == "random":
        return name != "Random"
    if module == "torch" and name in TORCH_DRAWS:
        return True
    return name in TENSOR_DRAWS and module != "torch.nn.init"  # networks start as torch.nn starts them


def global_randomness(tree: ast.Module) -> list[str]:
    names = full_names(tree)
    return [
        f"line {call.lineno}: {ast.unparse(call.func)}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        if called(call, names) in GLOBAL_SEEDS or (draws_globally(called(call, names)) and not has_generator(call))
    ]


RULES: list[Rule] = [undocumented, unannotated, asserts, not_implemented, global_randomness]


@functools.cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


per_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))


@per_file
def test_imports_never_point_up(file: Path) -> None:
    assert layer(file) in RANK, f"{layer(file)} is no layer of the design: {LAYERS}"
    package = ".".join(["unnoise", *file.parent.relative_to(PACKAGE).parts])
    assert upward_imports(parse(file), package, layer(file)) == []


@per_file
@pytest.mark.parametrize("rule", RULES)
def test_rule(file: Path, rule: Rule) -> None:
    assert rule(parse(file)) == []


@pytest.mark.parametrize(
    ("own", "line", "guilty"),
    [
        ("laws", "import unnoise.spaces", True),
        ("laws", "from unnoise import model", True),
        ("laws", "from ..samplers import Euler", True),
        ("laws", "from .. import samplers", True),
        ("laws", "import unnoise", True),
        ("laws", "def f():\n    from unnoise.cli import main", True),
        ("_tree", "from unnoise.laws import Law", True),
        ("laws", "from unnoise import unheard_of", True),
        ("laws", "from unnoise import __version__", True),
        ("laws", "from unnoise.laws.base import Law", False),
        ("laws", "from .base import Law", False),
        ("laws", "from unnoise._errors import InputError", False),
        ("cli", "from unnoise import samplers", False),
        ("__init__", "from unnoise import cli", False),
        ("laws", "import unnoised", False),
    ],
)
def test_the_direction_of_an_import_is_seen(own: str, line: str, guilty: bool) -> None:
    assert bool(upward_imports(ast.parse(line), f"unnoise.{own}", own)) == guilty


@pytest.mark.parametrize(
    ("rule", "source", "guilty"),
    [
        (undocumented, "x = 1", True),
        (undocumented, "'''What it is.'''", False),
        (unannotated, "def f(x) -> int: ...", True),
        (unannotated, "def f(x: int): ...", True),
        (unannotated, "def f(*x) -> int: ...", True),
        (unannotated, "class A:\n def __init__(self, x) -> None: ...", True),
        (unannotated, "class A:\n def f(self, *, x: int) -> None: ...", False),
        (unannotated, "def _f(x): ...", False),
        (asserts, "assert x", True),
        (not_implemented, "raise NotImplementedError", True),
        (not_implemented, "raise NotImplementedError('later')", True),
        (not_implemented, "try:\n    f()\nexcept NotImplementedError:\n    pass", False),
        (global_randomness, "import torch\ntorch.manual_seed(0)", True),
        (global_randomness, "import torch\ntorch.cuda.manual_seed_all(0)", True),
        (global_randomness, "import torch\ntorch.randn(3)", True),
        (global_randomness, "import torch\ntorch.randn(3, generator=None)", True),
        (global_randomness, "import torch as T\nT.rand_like(x)", True),
        (global_randomness, "from torch import randperm as shuffle\nshuffle(3)", True),
        (global_randomness, "x.uniform_(0, 1)", True),
        (global_randomness, "torch.empty(3).normal_()", True),
        (global_randomness, "import numpy as np\nnp.random.seed(0)", True),
        (global_randomness, "from numpy.random import rand\nrand(3)", True),
        (global_randomness, "import random\nrandom.random()", True),
        (global_randomness, "from random import shuffle\nshuffle(x)", True),
        (global_randomness, "import torch\ntorch.Generator().manual_seed(0)", False),
        (global_randomness, "import torch\ntorch.randn(3, generator=rng)", False),
        (global_randomness, "x.uniform_(0, 1, generator=rng)", False),
        (global_randomness, "from torch import nn\nnn.init.normal_(w)", False),
        (global_randomness, "import numpy as np\nnp.random.default_rng(0).normal()", False),
        (global_randomness, "from unnoise import laws\nlaws.normal(3)", False),
        (global_randomness, "random = law(3)\nrandom.sample(rng)", False),
    ],
)
def test_a_rule_knows_guilt(rule: Rule, source: str, guilty: bool) -> None:
    assert bool(rule(ast.parse(source))) == guilty
