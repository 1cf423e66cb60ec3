"""The package asks no space which one it is, selects no mathematics by a string, and draws from no global generator."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator

import pytest
from source import (
    Module,
    Offence,
    expect_none,
    full_name,
    functions,
    imported_names,
    module,
    modules,
    offences,
    public_classes,
)

Rule = Callable[[Module], Iterable[Offence]]

KNOW_KINDS = {"spaces", "heads", "processes"}  # folders that may ask which space it is
WORDS = {
    "training",
    "data",
    "storage",
    "report",
    "look",
    "testing",
    "cli",
    "__init__",
    "__main__",
}  # no mathematics here

TORCH_DRAWS = {"bernoulli", "multinomial", "normal", "poisson", "rand", "randint", "randn", "randperm"}
TORCH_DRAWS |= {"rand_like", "randint_like", "randn_like"}
TENSOR_DRAWS = {"bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_"}
TENSOR_DRAWS |= {"normal_", "random_", "uniform_"}
GLOBAL_SEEDS = {"torch.manual_seed", "torch.random.manual_seed", "torch.seed", "torch.set_rng_state"}
GLOBAL_SEEDS |= {"torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}
OWN_GENERATORS = {"Generator", "SeedSequence", "default_rng", "PCG64", "Philox"}

# Functions that touch global generators, and why they may.
MAY_SEED = {("unnoise._seeding", "reseeded"): "seeds them for the code of users, and puts them back"}


@functools.cache
def kinds() -> frozenset[str]:
    """The classes that say which space it is; those of `spaces.base` say what a space can do, and may be asked for."""
    package = modules("src/unnoise")
    spaces = [one for one in package if one.folder == "spaces" and one.name != "unnoise.spaces.base"]
    products = [one for one in package if one.name == "unnoise.processes.products"]
    return frozenset(found.name for one in [*spaces, *products] for found in public_classes(one))


def branches_on_the_space(one: Module) -> Iterator[Offence]:
    """A new space or process must work everywhere without a line about it."""
    names = imported_names(one)
    for node in one.nodes:
        for kind in _asked_for(node):
            package, _, name = full_name(kind, names).rpartition(".")
            if (
                one.folder not in KNOW_KINDS
                and name in kinds()
                and package.startswith(("unnoise.spaces", "unnoise.proc"))
            ):
                yield kind.lineno, f"asks whether it is a {name}"


def _asked_for(node: ast.AST) -> list[ast.expr]:
    """The classes that an expression or a pattern compares the type of something with."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
        return [part for part in ast.walk(node.args[1]) if isinstance(part, ast.Name | ast.Attribute)]
    if isinstance(node, ast.Compare) and _calls(node.left) and "type(" in ast.unparse(node.left):
        return node.comparators
    return [node.cls] if isinstance(node, ast.MatchClass) else []


def _calls(node: ast.expr) -> bool:
    """Whether anything is called: to write out every comparison would take most of the time of a rule."""
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def selects_by_string(one: Module) -> Iterator[Offence]:
    """Mathematics is chosen by objects, which a user can write too; names are for files and columns."""
    for function in functions(one.tree) if one.folder not in WORDS else ():
        spec = function.args
        arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
        for argument in arguments:
            if argument.annotation and "Literal[" in ast.unparse(argument.annotation):
                yield argument.lineno, f"{function.name}: {ast.unparse(argument)}"
        given = {argument.arg for argument in arguments}
        for node in ast.walk(function):
            if isinstance(node, ast.Compare | ast.Match) and _compares_with_text(node, given):
                yield node.lineno, f"{function.name}: {ast.unparse(node).splitlines()[0]}"


def _compares_with_text(node: ast.Compare | ast.Match, given: set[str]) -> bool:
    """Whether an argument is compared with a text, or with one of several."""
    if isinstance(node, ast.Match):
        subject, others = node.subject, [part for case in node.cases for part in ast.walk(case.pattern)]
        found = [part.value for part in others if isinstance(part, ast.MatchValue)]
    else:
        subject, *found = sorted([node.left, *node.comparators], key=lambda side: not isinstance(side, ast.Name))
    texts = [
        text for side in found for text in (side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side])
    ]
    texts = [text for text in texts if isinstance(text, ast.Constant) and isinstance(text.value, str)]
    return bool(texts) and isinstance(subject, ast.Name) and subject.id in given


def not_implemented(one: Module) -> Iterator[Offence]:
    """What a class cannot do is not in its type, so nothing is left to raise NotImplementedError for."""
    for node in one.nodes:
        if isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node):
            yield node.lineno, ast.unparse(node)


def global_randomness(one: Module) -> Iterator[Offence]:
    """Whatever draws is given a generator."""
    names = imported_names(one)
    allowed = {id(node) for body in functions(one.tree) if (one.name, body.name) in MAY_SEED for node in ast.walk(body)}
    for call in one.nodes:
        if isinstance(call, ast.Call) and id(call) not in allowed:
            name = full_name(call.func, names)
            if name in GLOBAL_SEEDS or (_draws_globally(name) and not _has_generator(call)):
                yield call.lineno, ast.unparse(call.func)


def _has_generator(call: ast.Call) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "generator"]
    return bool(given) and not (isinstance(given[0], ast.Constant) and given[0].value is None)


def _draws_globally(name: str) -> bool:
    """Whether a call of this name uses a global generator unless it is given one."""
    library, _, draw = name.rpartition(".")
    if library == "numpy.random":
        return draw not in OWN_GENERATORS
    if library == "random":
        return draw != "Random"
    if library == "torch" and draw in TORCH_DRAWS:
        return True
    return draw in TENSOR_DRAWS and library != "torch.nn.init"  # networks start as torch.nn starts them


@pytest.mark.parametrize("rule", [branches_on_the_space, selects_by_string, not_implemented, global_randomness])
def test_the_package_keeps(rule: Rule) -> None:
    expect_none(offences(rule, modules("src/unnoise")))


@pytest.mark.parametrize(
    ("rule", "source", "guilty"),
    [
        (branches_on_the_space, "from unnoise.spaces import Sphere\nisinstance(x, Sphere)", True),
        (branches_on_the_space, "from unnoise import spaces\nisinstance(x, int | spaces.Sphere)", True),
        (branches_on_the_space, "from unnoise.spaces import Sphere\ntype(x) is Sphere", True),
        (branches_on_the_space, "from unnoise.spaces import Sphere as S\nmatch x:\n case S(): y = 1", True),
        (branches_on_the_space, "from unnoise.spaces import Sphere\nSphere(3)", False),
        (branches_on_the_space, "from unnoise.spaces import Manifold\nisinstance(x, Manifold)", False),
        (branches_on_the_space, "from unnoise.processes import Bridged\nisinstance(x, Bridged)", False),
        (branches_on_the_space, "from mine import Sphere\nisinstance(x, Sphere)", False),
        (selects_by_string, "def f(chain: str): return 1 if chain == 'walk' else 2", True),
        (selects_by_string, "def f(*, kind): return 1 if kind in ('walk', 'jump') else 2", True),
        (selects_by_string, "def f(kind: Literal['walk', 'jump']): ...", True),
        (selects_by_string, "def f(kind):\n match kind:\n  case 'walk' | 'jump': return 1", True),
        (selects_by_string, "def f(x): return x == 3", False),
        (selects_by_string, "def f(x): return 'a' if x is None else 'b'", False),
        (selects_by_string, "def f(x): return x.device == 'cpu'", False),
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
    assert bool(list(rule(module("unnoise.samplers.mine", source)))) == guilty


def test_a_function_may_seed_where_it_is_named() -> None:
    source = "import torch\ndef {}():\n    torch.manual_seed(0)"
    assert not list(global_randomness(module("unnoise._seeding", source.format("reseeded"))))
    assert list(global_randomness(module("unnoise._seeding", source.format("other"))))
    assert list(global_randomness(module("unnoise.samplers.mine", source.format("reseeded"))))


def test_some_folders_may_do_what_others_may_not() -> None:
    branch = "from unnoise.spaces import Sphere\nisinstance(x, Sphere)"
    assert not list(branches_on_the_space(module("unnoise.heads.mine", branch)))
    assert not list(selects_by_string(module("unnoise.data.mine", "def f(kind): return kind == 'count'")))
