"""Walks by the command line, on densities that a user has in a module."""

from __future__ import annotations

import importlib
import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from typer.testing import Result

from unnoise.cli import walk_auto, walkers
from unnoise.data import files
from unnoise.testing import ImprobableError, assert_law, assert_mean

Run = Callable[..., Result]
MINE = """
import signal
import sys

import torch
from scipy import stats
from unnoise.chains import Density
from unnoise.spaces import Sphere
from unnoise.targets import Ising, TwoModes


def log_prob(x):
    return -0.5 * ((x - 2) ** 2).sum(-1)


class Sized:
    dimension = 2

    def log_prob(self, x):
        return log_prob(x)


def made():
    return Density(log_prob, gradient=lambda x: 2 - x)


def crashing(x):
    return -(y**2).sum(-1)


def wrong(x):
    return -(x**2)


def not_a_number(x):
    return x.sum(-1) * float("nan")


def holed(x):
    return torch.where(x[:, 0] > 3, torch.nan, -0.5 * (x**2).sum(-1))


def detached(x):
    return -(x.detach() ** 2).sum(-1)


def steep(x):
    return -50 * (x**2).sum(-1)


def quits(x):
    sys.exit(0)


def ends(x):
    raise GeneratorExit


def interrupts(x):
    raise KeyboardInterrupt


calls = 0


STOP = 150  # after the climbs


def stopping(x):
    global calls
    calls += 1
    if calls == STOP:
        raise KeyboardInterrupt
    return log_prob(x)


def sigterm(x):
    signal.raise_signal(signal.SIGTERM)


def sighup(x):
    signal.raise_signal(signal.SIGHUP)


def column(x):
    return -(x**2).sum(-1, keepdim=True)


def listed(x):
    return [0.0] * len(x)


class Pair:
    def __init__(self, one, two):
        pass


def apart(mu, sigma):
    return -0.5 * ((mu - 2) ** 2 + (sigma - 2) ** 2)


def any_number(*x):
    return -0.5 * sum((v - 2) ** 2 for v in x)


def talking(x):
    print("at", len(x))
    return log_prob(x)


def named(at):
    return -at["mu"] ** 2


sized = Sized()
frozen = stats.norm(2, 1)
counted = stats.poisson(3)
north = Density(lambda x: 3 * x[..., 2], Sphere(2))
far = TwoModes(2, separation=8.0)
near = TwoModes(1, separation=8.0, weight=0.75)
spins = Ising(4)
number = 3
"""
BOUNDED = """
from torch.distributions import HalfNormal, Normal

from unnoise.walking import Positive, Reals

parameters = {"mu": Reals(), "tau": Positive()}
law = {"mu": Normal(2.0, 1.0), "tau": HalfNormal(1.0)}


def log_prob(at):
    return law["mu"].log_prob(at["mu"]) + law["tau"].log_prob(at["tau"])


class Pair:
    log_prior = law

    @staticmethod
    def log_likelihood(at):
        return 0 * at["mu"]
"""
FEW = ("-n", 400, "--steps", 100, "--chain", "mala")


def assert_walked(column: np.ndarray, centre: float = 2.0) -> None:
    """Fail unless numbers are draws of N(centre, 1)."""
    assert_law(torch.tensor(column) - centre, torch.special.ndtr)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module in it, as the working directory."""
    modules = {"mine": MINE, "bounded": BOUNDED}
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in modules:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "words",
    [
        ("mine:log_prob", "--dimension", 2),
        ("mine:sized",),
        ("mine:Sized",),
        ("mine:Sized", "--dimension", 2),
        ("mine:made", "--dimension", 2),
    ],
    ids=lambda words: words[0],
)
def test_a_density_is_walked_on(words: tuple[object, ...], done: Run, desk: Path) -> None:
    facts = json.loads(done("walk", *words, "-o", "points.csv", *FEW, "--json").stdout)
    assert (facts["rows"], facts["dimension"], facts["chain"], facts["mixed"]) == (400, 2, "mala", True)
    assert 0.4 < facts["acceptance"] < 0.8
    points = pl.read_csv("points.csv").to_numpy()
    assert points.shape == (400, 2)
    for column in points.T:
        assert_walked(column)
        with pytest.raises(ImprobableError):
            assert_walked(column, centre=1.0)


def test_auto_needs_no_word(done: Run, desk: Path) -> None:
    """A file by its path; draws, the integral and a verdict."""
    facts = json.loads(
        done("walk", "mine.py:log_prob", "--dimension", 2, "-o", "points.csv", "-n", 400, "--json").stdout
    )
    assert (facts["rows"], facts["dimension"], facts["chain"], facts["trusted"]) == (400, 2, "auto", True)
    assert facts["doubts"] == []
    assert len(facts["mode_weights"]) < walk_auto.TELLING
    assert (facts["mode_weights"], facts["mode_weight_errors"]) == ([1.0], [0.0])
    assert np.mean(facts["log_z_populations"]) == pytest.approx(facts["log_z"], abs=0.01)
    assert facts["log_z_bridge"] == pytest.approx(facts["log_z"], abs=0.1)
    assert 0 < facts["log_z_bridge_error"] < 0.05
    assert facts["log_z"] == pytest.approx(np.log(2 * np.pi), abs=0.1)
    for column in pl.read_csv("points.csv").to_numpy().T:
        assert_walked(column)


@pytest.mark.parametrize("name", ["column", "detached", "spins", "north", "counted"])
def test_auto_takes_what_named_chains_refuse(name: str, done: Run, desk: Path, quick: None) -> None:
    size = ("--dimension", 2) if name in ("column", "detached") else ()
    said = done("walk", f"mine:{name}", *size, "-o", "points.npy", "-n", 50).stdout
    assert said.startswith("wrote 50 points to points.npy; trusted")
    assert len(np.load("points.npy")) == 50


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing.py:log_prob", "there is no file missing.py"),
        ("mine:not_a_number", r"the log density is NaN or plus infinity at all of [\d,]+ points"),
        ("mine:crashing", "the log density works neither on a batch.* NameError: name 'y' is not defined"),
    ],
)
def test_auto_says_what_is_wrong(name: str, told: str, refused: Run, desk: Path) -> None:
    refused("walk", name, "--dimension", 2, "-o", "points.npy", match=told)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer particles, and one attempt."""
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 256)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])


@pytest.mark.slow
def test_what_a_denoiser_learnt_is_told(done: Run, desk: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("unnoise.walking.learning")
    monkeypatch.setattr(module, "STEPS", 10)
    monkeypatch.setattr(module, "LEVELS", 4)
    told = json.loads(done("walk", "mine:sized", "--learn", "-o", "points.npy", "--json").stdout)
    assert told["learnt"]["kept"] is False
    assert abs(told["learnt"]["log_z_bridge"] - np.log(2 * np.pi)) < 5 * told["learnt"]["log_z_bridge_error"]
    again = done("walk", "mine:sized", "--learn", "-o", "again.npy")
    assert "were not kept: effective draws per evaluation" in again.output
    assert np.array_equal(np.load("points.npy"), np.load("again.npy"))


@pytest.mark.parametrize("target", ["bounded:Pair", pytest.param("bounded.py", marks=pytest.mark.slow)])
def test_parameters_are_columns_in_natural_coordinates(target: str, done: Run, desk: Path, quick: None) -> None:
    """Of a dict beside the log_prob of a module, and of a prior of distributions."""
    done("walk", target, "-o", "points.parquet", "-n", 200)
    points = pl.read_parquet("points.parquet")
    assert points.columns == ["mu", "tau"]
    assert_walked(points["mu"].to_numpy())
    assert_law(torch.tensor(points["tau"].to_numpy()), lambda x: 2 * torch.special.ndtr(x) - 1)


@pytest.mark.parametrize(
    ("target", "dimension", "columns"),
    [
        ("mine:apart", None, ["mu", "sigma"]),
        ("mine:any_number", 1, None),
        ("mine:frozen", None, None),
        ("beside.py:log_prob", None, None),
    ],
)
def test_what_a_function_says_need_not_be_declared(
    target: str, dimension: int | None, columns: list[str] | None, done: Run, desk: Path, quick: None
) -> None:
    """Its arguments, the support of a distribution, a dimension beside it in the module."""
    (desk / "beside.py").write_text("dimension = 1\n\n\ndef log_prob(x):\n    return -0.5 * (x[:, 0] - 2) ** 2\n")
    size = () if dimension is None else ("--dimension", dimension)
    done("walk", target, *size, "-o", "points.csv", "-n", 200)
    points = pl.read_csv("points.csv")
    assert columns is None or points.columns == columns
    for column in points.to_numpy().T:
        assert_walked(column)


@pytest.mark.parametrize("chain", ["auto", "mala"])
def test_what_a_function_prints_does_not_get_into_the_result(chain: str, run: Run, desk: Path, quick: None) -> None:
    words = ("-n", 5) if chain == "auto" else ("-n", 5, "--steps", 5)
    result = run("walk", "mine:talking", "--dimension", 1, "-o", "points.csv", *words, "--chain", chain, "--json")
    assert json.loads(result.stdout)["rows"] == 5
    assert "at " in result.stderr


def test_named_chains_need_a_gradient(refused: Run, desk: Path) -> None:
    words = ("-o", "points.csv", "--chain", "mala")
    refused("walk", "mine:frozen", *words, match="mine:frozen has no gradient that torch knows.* use --chain auto")


def test_names_that_were_not_declared_are_told(refused: Run, desk: Path) -> None:
    refused("walk", "mine:named", "-o", "points.csv", match="by the names mu; say what these are by parameters = {'mu'")
    refused("walk", "mine:crashign", "-o", "points.csv", match="has no 'crashign'; did you mean crashing?")


def test_named_chains_start_from_a_file_in_natural_coordinates(done: Run, desk: Path) -> None:
    (desk / "start.csv").write_text("tau,mu,more\n0.5,2,x\n1,3,x\n")
    words = ("-n", 5, "--chain", "langevin", "--step-size", 1e-9, "--steps", 2)
    done("walk", "bounded", "-o", "points.csv", "--start", "start.csv", *words)
    points = pl.read_csv("points.csv")
    assert points.columns == ["mu", "tau"]
    assert np.allclose(points.to_numpy(), [[2, 0.5], [3, 1], [2, 0.5], [3, 1], [2, 0.5]], atol=1e-3)
    higher = points.to_numpy() + np.array([0.0, 1.0])
    np.save("start.npy", higher)
    done("walk", "bounded", "-o", "more.npy", "--start", "start.npy", *words)
    assert np.allclose(np.load("more.npy"), higher, atol=1e-3)


STARTS = {
    "mu,tau\n1,2\n3,-4\n": r"start.csv: got tau = -4 in row 1 \(the first is 0\); expected a number above 0",
    "mu,sigma\n1,2\n": "start.csv has no column tau; expected mu, tau",
    "mu,tau\n1,x\n2,y\n": "start.csv has 2 rows of object; expected numbers",
}


@pytest.mark.parametrize("chain", ["auto", "mala"])
@pytest.mark.parametrize("text", STARTS)
def test_a_start_that_does_not_fit_is_told(text: str, chain: str, refused: Run, desk: Path) -> None:
    (desk / "start.csv").write_text(text)
    words = ("-o", "points.csv", "-n", 5, "--start", "start.csv", "--chain", chain)
    refused("walk", "bounded", *words, match=STARTS[text])


def test_a_class_is_given_its_dimension_and_fields_keep_their_shape(run: Run, desk: Path) -> None:
    run(
        "walk", "unnoise.targets:Phi4", "--dimension", 3, "-o", "fields.npy", "-n", 50, "--steps", 50, "--chain", "mala"
    )
    assert np.load("fields.npy").shape == (50, 3)


def test_the_same_seed_gives_the_same_points(run: Run, desk: Path) -> None:
    for name in ("one.npy", "two.npy"):
        run("walk", "mine:sized", "-o", name, "-n", 20, "--steps", 20, "--seed", 5, "--chain", "mala")
    assert np.array_equal(np.load("one.npy"), np.load("two.npy"))


@pytest.mark.parametrize("chain", ["langevin", "underdamped"])
def test_other_chains_walk_too(chain: str, run: Run, desk: Path) -> None:
    step = 0.1 if chain == "langevin" else 0.5
    result = run("walk", "mine:sized", "-o", "points.npy", *FEW, "--chain", chain, "--step-size", step)
    assert result.stdout.startswith("wrote 400 points to points.npy; step size ")
    assert "accepted" not in result.stdout
    assert_walked(np.load("points.npy")[:, 0])


def test_a_curved_space_is_walked_on_along_geodesics(run: Run, desk: Path) -> None:
    run("walk", "mine:north", "-o", "points.npy", *FEW, "--chain", "geodesic", "--step-size", 0.05)
    points = np.load("points.npy")
    assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
    bias = 0.02  # of the size of the steps
    assert_mean(torch.tensor(points[:, 2]), 1 / np.tanh(3) - 1 / 3, tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean(torch.tensor(points[:, 2]), 1 / np.tanh(3), tolerance=bias)


def test_a_step_that_is_too_long_is_biased_and_told_of(run: Run, desk: Path) -> None:
    words = ("walk", "mine:sized", "-o", "points.npy", "-n", 400, "--steps", 100, "--chain", "langevin", "--json")
    long, short = (run(*words, "--overwrite", "--step-size", step) for step in (1, 0.02))
    assert "the chain is biased by O(step): Metropolis' rule would have taken" in long.stderr
    assert json.loads(long.stdout)["adjusted_acceptance"] < 0.9 < json.loads(short.stdout)["adjusted_acceptance"]
    assert "biased" not in short.stderr


def test_chains_that_disagree_have_not_mixed(run: Run, desk: Path) -> None:
    """On a funnel they forget where they began, and have not been everywhere."""
    result = run("walk", "unnoise.targets:Funnel", "-o", "points.npy", *FEW, "--json")
    facts = json.loads(result.stdout)
    assert facts["r_hat"] > 1.05
    assert facts["mixed"] is False
    assert "have not mixed" in result.stderr


def test_chains_that_never_leave_their_mode_are_told_of(run: Run, desk: Path) -> None:
    result = run(
        "walk", "mine:far", "-o", "points.csv", "-n", 200, "--steps", 200, "--scale", 3, "--chain", "mala", "--json"
    )
    assert result.exit_code == 0
    assert "the chains have not mixed" in result.stderr
    assert "--chain sequential" in result.stderr
    assert json.loads(result.stdout)["mixed"] is False


def test_sequential_weighs_modes_that_mala_does_not(run: Run, desk: Path) -> None:
    right = {}
    for chain in ("mala", "sequential"):
        words = ("-n", 300, "--steps", 40, "--scale", 4, "--chain", chain, "-o", f"{chain}.npy")
        assert run("walk", "mine:near", *words).exit_code == 0
        right[chain] = torch.tensor(np.load(f"{chain}.npy") > 0).double()
    assert_mean(right["mala"], 0.5)  # where they started
    assert_mean(right["sequential"], 0.75)
    with pytest.raises(ImprobableError):
        assert_mean(right["mala"], 0.75)


REFUSED = {
    ("mine:",): "got 'mine:'; expected MODULE:OBJECT, as in my_posterior:log_prob",
    ("mine",): "mine:log_prob does not say how many numbers|mine does not say how many numbers its points have",
    ("bounded:nothing",): "bounded:nothing does not exist",
    ("sys",): "sys has no log_prob, nor log_prior and log_likelihood: name one, as in sys:NAME",
    ("bounded", "--dimension", 3): "got dimension = 3; the parameters have 2 free numbers: leave it out",
    ("mine:log_prob",): "mine:log_prob does not say how many numbers its points have: give --dimension",
    ("unnoise.targets:TwoModes",): "give --dimension",
    ("mine:number",): r"mine:number is a int; expected a function log_prob\(x\)",
    ("mine:spins",): "mine:spins lives on Finite, where there is no gradient to follow",
    ("mine:near", "--dimension", 2): r"got --dimension 2; mine:near has points of shape \(1,\)",
    ("mine:near", "--chain", "walk"): "got the chain 'walk'; expected auto or one of mala, langevin",
    ("mine:near", "--chain", "langevin"): "--chain langevin does not find its own step: give --step-size",
    ("mine:near", "--scale", 0): "got --scale 0.0; expected a positive number",
    ("mine:north", "--chain", "mala"): "moves along straight lines",
    ("mine:wrong", "--dimension", 2): r"the log density returned the shape",
    ("mine:column", "--dimension", 2): r"the log density returned the shape \(10, 1\)",
    ("mine:listed", "--dimension", 2): "the log density returned a list",
    ("mine:Pair", "--dimension", 2): "mine:Pair is a class that cannot be made from a dimension alone",
    ("mine:Pair",): "mine:Pair does not say how many numbers its points have",
    ("mine:not_a_number", "--dimension", 2): r"the log density is nan for chain 0 \(10 of 10 chains\)",
    ("mine:detached", "--dimension", 2): "the log density has no gradient with respect to x",
    ("mine:near", "--sigma", -1): "got --sigma -1.0; expected a positive number",
    ("mine:near", "--step-size", 0): "got --step-size 0.0; expected a positive number",
    ("mine:near", "--plot", "points.txt"): "points.txt is of no type that can be written",
}


@pytest.mark.parametrize(("words", "match"), REFUSED.items(), ids=lambda x: " ".join(map(str, x)))
def test_wrong_input_is_refused(words: tuple[object, ...], match: str, refused: Run, desk: Path) -> None:
    refused("walk", "--chain", "mala", *words, "-o", "points.npy", "-n", 10, "--steps", 4, match=match)


def test_output_that_exists_is_not_replaced_and_code_that_crashes_is_told(run: Run, desk: Path) -> None:
    (desk / "points.npy").write_text("mine")
    assert "exists" in run("walk", "mine:near", "-o", "points.npy").stderr
    result = run("walk", "mine:crashing", "--dimension", 2, "-o", "new.npy", "-n", 10, "--chain", "mala")
    line = MINE.splitlines().index("    return -(y**2).sum(-1)") + 1
    assert result.exit_code == 1
    assert result.stderr == f"unnoise: mine.py, line {line}, in crashing, raised NameError: name 'y' is not defined\n"


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("quits", 1, r"mine.py, line \d+, in quits, called sys.exit\(0\)"),
        ("ends", 1, r"mine.py, line \d+, in ends, raised GeneratorExit:"),
        ("interrupts", 130, "interrupted"),
    ],
)
def test_code_that_ends_the_program_writes_nothing(name: str, code: int, told: str, run: Run, desk: Path) -> None:
    result = run(
        "walk", f"mine:{name}", "--dimension", 2, "-o", "points.npy", "-n", 10, "--steps", 4, "--chain", "mala"
    )
    assert (result.exit_code, result.stdout) == (code, "")
    assert re.fullmatch(rf"unnoise: {told}\n", result.stderr), result.stderr
    assert sorted(path.name for path in desk.iterdir() if path.suffix) == ["bounded.py", "mine.py"]


def test_a_picture_that_exists_is_not_replaced_unasked(refused: Run, desk: Path) -> None:
    (desk / "chains.png").write_text("mine")
    refused("walk", "mine:sized", "-o", "points.npy", "--plot", "chains.png", match="chains.png exists; pass --over")
    assert (desk / "chains.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("mine:steep", "--chain", "langevin", "--step-size", 1),
            r"chain \d+ diverged at step \d+ \(\d+ of 10 chains\); try a step size of 0.25 in the place of 1",
        ),
        (
            ("mine:holed", "--step-size", 4),
            r"the log density is NaN where chain \d+ wants to go .*; return -inf .*, or try a step size of 1",
        ),
    ],
    ids=["diverges", "nan on the way"],
)
def test_a_fault_on_the_way_is_told_with_the_step_to_try(
    words: tuple[object, ...], told: str, run: Run, desk: Path
) -> None:
    result = run("walk", "--chain", "mala", *words, "--dimension", 2, "-o", "points.npy", "-n", 10, "--steps", 500)
    assert result.exit_code == 1
    assert re.fullmatch(rf"unnoise: {told}\n", result.stderr), result.stderr
    assert sorted(path.name for path in desk.iterdir() if path.suffix) == ["bounded.py", "mine.py"]


@pytest.mark.parametrize(
    "suffix", [".npy", *(pytest.param(more, marks=pytest.mark.slow) for more in (".csv", ".parquet"))]
)
def test_chains_walk_in_groups_and_end_in_one_file(
    suffix: str, done: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkers, "NUMBERS_AT_ONCE", 100)
    sizes = []
    walk = walkers.Walker.walk
    monkeypatch.setattr(walkers.Walker, "walk", lambda self, n, tell: sizes.append(n) or walk(self, n, tell))
    for name in ("one", "two"):
        words = ("-n", 401, "--steps", 100, "--chain", "mala", "-o", f"{name}{suffix}", "--seed", 3, "--json")
        facts = json.loads(done("walk", "mine:sized", *words).stdout)
    assert sizes == 2 * [45, 45, 45, 45, 45, 44, 44, 44, 44]
    points = files.read(f"one{suffix}")
    points = points if isinstance(points, np.ndarray) else points.to_numpy()
    assert points.shape == (401, 2)
    assert len(np.unique(points[:, 0])) > 395  # every group walked on its own
    for column in points.T:
        assert_walked(column)
    assert Path(f"one{suffix}").read_bytes() == Path(f"two{suffix}").read_bytes()
    assert facts["mixed"] is True
    assert 0.4 < facts["acceptance"] < 0.8
    assert facts["r_hat"] < 1.2


def test_what_groups_say_of_mixing_is_what_all_chains_say(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for size in (100, 2**20):
        monkeypatch.setattr(walkers, "NUMBERS_AT_ONCE", size)
        words = ("mine:far", "-o", f"{size}.npy", "-n", 300, "--steps", 60, "--scale", 3, "--chain", "mala", "--json")
        found[size] = json.loads(run("walk", *words).stdout)
    assert found[100]["mixed"] is found[2**20]["mixed"] is False
    assert abs(found[100]["memory"] - found[2**20]["memory"]) < 0.1


def test_a_picture_of_a_few_chains(done: Run, desk: Path) -> None:
    done("walk", "mine:sized", "-o", "points.npy", *FEW, "--plot", "chains.png")
    with Image.open("chains.png") as picture:
        assert picture.width > 800


def test_json_has_the_same_keys_for_every_chain(run: Run, desk: Path) -> None:
    keys = {}
    for chain in ("mala", "langevin", "sequential"):
        words = ("-n", 20, "--steps", 8, "--chain", chain, "-o", f"{chain}.npy", "--json")
        facts = json.loads(run("walk", "mine:near", *words, "--step-size", 0.1).stdout)
        keys[chain] = list(facts)
        assert (facts["mixed"] is None) == (chain == "sequential")
    assert keys["mala"] == keys["langevin"] == keys["sequential"]


def test_auto_draws_a_page(done: Run, desk: Path) -> None:
    said = done("walk", "mine:log_prob", "--dimension", 1, "-o", "points.csv", "-n", 50, "--plot", "page.html").stdout
    assert said.endswith("; see page.html\n")
    assert "mine:log_prob</h1>" in Path("page.html").read_text()


@pytest.mark.slow
def test_auto_draws_a_picture(done: Run, desk: Path) -> None:
    done("walk", "mine:log_prob", "--dimension", 2, "-o", "points.csv", "-n", 50, "--plot", "picture.png")
    with Image.open("picture.png") as picture:
        assert picture.height > picture.width > 800


def test_auto_writes_for_arviz_or_says_what_is_missing(run: Run, desk: Path) -> None:
    result = run("walk", "mine:log_prob", "--dimension", 2, "-o", "points.nc", "-n", 50, "--json")
    if result.exit_code:
        assert result.stderr == "unnoise: InferenceData needs ArviZ: pip install 'unnoise[arviz]'.\n"
        return
    import h5netcdf

    with h5netcdf.File("points.nc") as file:
        assert file["posterior"]["x"].shape == (4, 13, 2)
    assert json.loads(result.stdout)["rows"] == 52


def test_an_interrupted_walk_is_resumed_to_the_same_file(
    run: Run, done: Run, refused: Run, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("walk", "mine:stopping", "--dimension", 2, "-n", 50)
    monkeypatch.setattr(sys, "argv", ["unnoise", *map(str, words), "-o", "points.csv", "--overwrite"])
    result = run(*words, "-o", "points.csv", "--overwrite")
    again = "unnoise walk mine:stopping --dimension 2 -n 50 -o points.csv --resume"
    assert result.stderr == f"unnoise: interrupted; the checkpoint is saved, continue with: {again}\n"
    assert result.exit_code == 130
    assert not Path("points.csv").exists()
    refused(*words, "-o", "points.csv", match="is the checkpoint of a walk that was interrupted: go on with .*--resume")
    refused(*words, "-o", "points.csv", "--resume", "--seed", 1, match="the seed was 0, and is 1 now")
    done(*words, "-o", "points.csv", "--resume")
    done(*words, "-o", "whole.csv")
    assert Path("points.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not Path("points.csv.checkpoint").exists()
    refused(*words, "-o", "other.csv", "--resume", match="there is no checkpoint other.csv.checkpoint")


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_end_a_walk_as_ctrl_c_does(name: str, code: int, run: Run, desk: Path) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    result = run("walk", f"mine:{name.lower()}", "--dimension", 2, "-o", "points.csv")
    assert result.exit_code == code
    assert result.stderr == "unnoise: terminated\n"
    assert signal.getsignal(number) is before


def test_options_of_auto_are_refused_for_named_chains(refused: Run, desk: Path) -> None:
    words = ("walk", "mine:sized", "-o", "points.npy", "--chain", "mala")
    refused(*words, "--resume", match="--resume is for --chain auto; leave it out")
    refused(*words, "--processes", 2, match="--processes is for --chain auto; leave it out")
    refused("walk", "mine:sized", "-o", "points.npy", "--resume", "--overwrite", match="--overwrite replaces the walk")


@pytest.mark.slow
def test_several_processes_write_the_same_file(done: Run, desk: Path) -> None:
    for number in (1, 2):
        words = ("-o", f"{number}.csv", "-n", 50, "--processes", number)
        done("walk", "mine.py:log_prob", "--dimension", 2, *words)
    assert Path("1.csv").read_bytes() == Path("2.csv").read_bytes()
