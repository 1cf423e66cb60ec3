"""The module of a user whose functions do not what they should."""

from __future__ import annotations

from pathlib import Path

USERS = """
import sys
import torch
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.samplers import Heun

number, text, empty = 5, "hello", ()
space = Euclidean(2)

def bell(x): return -0.5 * x.square().sum(-1)
def nothing_inside(): return None
def leaves(*x): sys.exit(0)
def leaves_with_words(*x): sys.exit("bye")
def interrupted(*x): raise KeyboardInterrupt
def generator_ends(*x): raise GeneratorExit
def fails(x): raise ValueError("no\\nway")
def fails_without_words(x): raise Exception
def recursion(x): return recursion(x)
def no_numbers(x): return x.sum(-1) * torch.nan
def endless(x): return x.sum(-1) + torch.inf
def without_gradient(x): return x.detach().sum(-1)
def one_number(x): return x.sum()
def columns(x): return x
def row(x): return x.sum(-1)[None]
def plain_number(x): return 0.0
def a_list(x): return [0.0] * len(x)
def whole(x): return x.sum(-1).long()
def imaginary(x): return x.sum(-1).to(torch.complex64)
def double(x): return -0.5 * x.double().square().sum(-1)
def fewer(x): return x.sum(-1)[1:]
def in_place(x): return x.mul_(0).sum(-1)
def grows(x): return x.square().sum(-1) * 1e30
def numpy_one(x): return -x.detach().numpy().sum(-1)
def two(x, y): return x
def none(): return bell
class Sized:
    dimension = "two"
    log_prob = staticmethod(bell)
class Negative:
    dimension = -1
    log_prob = staticmethod(bell)
class NeedsMuch:
    def __init__(self, a, b, c): pass
class Explodes:
    def __init__(self): raise RuntimeError("no")
class Lies:
    def __getattr__(self, name): raise RuntimeError(name)
liar = Lies()
"""
FUNCTIONS = [line.partition("(")[0].removeprefix("def ") for line in USERS.splitlines() if line.startswith("def ")]
GOOD = {"bell", "none", "double"}
OBJECTS = [f for f in FUNCTIONS if f not in GOOD] + [
    "Sized",
    "Negative",
    "NeedsMuch",
    "Explodes",
    "liar",
    "number",
    "text",
]


def write_users(folder: Path) -> None:
    """The module of a user, beside small files of data."""
    (folder / "users.py").write_text(USERS)
