"""Made the saved models beside it. It was run at commit 28168a4, and is kept for the record.

It uses the names that the package had then, and is not expected to run on later ones: the folders are what old users
have on their disks. Run as `python tests/saved_models/make.py`.
"""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[1] / "toys"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from recorded import described, machine, text
from test_saved_models import answers, plain
from unnoise.processes.finite_heads import Logistic, Posterior, Softmax

from unnoise import DenoisingMarkovModel, samplers
from unnoise.denoisers import X0, Eps, Preconditioned, Score, V
from unnoise.evaluation import (
    BinDecoder,
    DequantisedLikelihood,
    ImplicitBound,
    NoiseCells,
    SoftmaxDecoder,
    StepBound,
)
from unnoise.evaluation.likelihood import Bound, ProbabilityFlow
from unnoise.networks import MLP, Transformer, UNet
from unnoise.objectives import (
    VDM,
    Denoising,
    Implicit,
    StepPrices,
    UniformCells,
    ddpm,
    times,
    weightings,
)
from unnoise.processes import (
    CTMC,
    EDM,
    Betas,
    Binomial,
    BinomialChain,
    Brownian,
    GaussianChain,
    ImmigrationDeath,
    Joint,
    Large,
    Lattice,
    OnLattice,
    Product,
    PureDeath,
    RectifiedFlow,
    SNRForm,
    SubVariancePreserving,
    Tangent,
    VarianceExploding,
    VariancePreserving,
    WrightFisher,
    linear_betas,
    ornstein_uhlenbeck,
    rates,
    snr_form,
)
from unnoise.samplers import grids
from unnoise.schedules import (
    Cosine,
    Erasing,
    Exponential,
    Geometric,
    Knots,
    Learned,
    Linear,
    LinearLogSNR,
)
from unnoise.spaces import Aitchison, Counts, Euclidean, Finite, Rotations, Simplex, Sphere, Torus

HERE = Path(__file__).parent
draws = np.random.default_rng(0)
N = 40
NETWORK = partial(MLP, width=8, depth=1, embedding=8)
UNET = partial(UNet, width=8, multipliers=(1, 1), blocks=1, attention=False)
TRANSFORMER = partial(Transformer, width=8, depth=1, heads=2)

PAIRS = draws.multivariate_normal([1.0, -2.0], [[1.0, 0.8], [0.8, 1.5]], N)
PEOPLE = pl.DataFrame(
    {
        "height": draws.normal(170, 10, N),
        "weight": draws.normal(70, 15, N),
        "children": draws.poisson(2, N),
        "planet": np.full(N, 3),
        "sex": draws.choice(["Female", "Male"], N),
        "age": draws.integers(18, 90, N),
    }
)
SHARES = draws.dirichlet([2.0, 3.0, 4.0], N)
TURNS = Rotation.random(N, rng=draws).as_quat()
EVERYTHING = pl.DataFrame(
    {
        "height": draws.normal(170, 10, N),
        "age": draws.integers(18, 90, N),
        "pet": draws.choice(["cat", "dog", "newt"], N),
        "smoker": draws.random(N) < 0.4,
        "grade": draws.integers(1, 5, N),
        "calls": draws.poisson(3.0, N),
        "wind": draws.uniform(0, 360, N),
        "slope": draws.uniform(-170, 170, N),
        "phase": draws.uniform(-3, 3, N),
        "lat": draws.uniform(-60, 60, N),
        "lon": draws.uniform(-170, 170, N),
        **{f"q{axis}": TURNS[:, i] for i, axis in enumerate("xyzw")},
        **{name: SHARES[:, i] for i, name in enumerate(("work", "rest", "play"))},
        "word": draws.choice(["GATTACA", "CAT", "TAG"], N),
    }
)
KINDS = {
    "smoker": "binary",
    "grade": "ordered",
    "calls": "count",
    "wind": "angle",
    "slope": "degrees",
    "phase": "radians",
    "lat,lon": "latlon",
    "q": "rotation",
    "work,rest,play": "proportions",
    "word": "sequence",
}
LEVELS = draws.integers(0, 5, (N, 2))
LEVELS[:2] = [[0, 4], [4, 0]]
BITS = draws.integers(0, 2, (N, 3))
TALLIES = draws.poisson(3.0, (N, 2))
IMAGES = draws.integers(0, 256, (N, 1, 8, 8)).astype(np.uint8)
WORDS = draws.integers(0, 16, (N, 130))
WORDS[0, :16] = range(16)
SIGNS = np.stack([np.repeat([-1.0, 1.0], N // 2), np.tile([-1.0, 1.0], N // 2)], 1)  # of mean 0 and variance 1
LATTICE = Lattice(-3.0, 1.0, 7)


def levels(process, **params):
    """A model of two columns of five levels."""
    return LEVELS, {"kinds": {"x": "category"}, "process": process, "likelihood": Bound(draws=8), **params}


def calls(process):
    """A model of a number and a count; one of counts alone could not be sampled then."""
    parts = {"numbers": VariancePreserving(Euclidean(1)), "count": process}
    params = {"kinds": {"calls": "count"}, "process": Product(parts), "likelihood": Bound(draws=8)}
    return EVERYTHING.select("height", "calls"), params


def signs(likelihood):
    """A model of numbers on a lattice."""
    process = VariancePreserving(PLANE, LinearLogSNR(9.0, -8.0))
    return SIGNS, {"process": process, "head": OnLattice(LATTICE), "likelihood": likelihood}


PLANE, PAIR = Euclidean(2), Finite(2, (5, 5))
ONE_WAY = [[-2.0, 1.0, 1.0, 0.0, 0.0], [1.0, -2.0, 0.0, 1.0, 0.0], [0.0, 1.0, -2.0, 0.0, 1.0]]
ONE_WAY += [[1.0, 0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 1.0, 1.0, -2.0]]
CHAIN = GaussianChain.from_betas(PLANE, linear_betas(10), Large())
COINS = BinomialChain(Finite(3, 2), 0.5, steps=10)
VP = VariancePreserving(PLANE)
JOINT_PARTS = {
    "numbers": VariancePreserving(Euclidean(1), Cosine()),
    "angle": Brownian(Torus(1), Geometric(1e-4, 20.0)),
}
MODELS = {
    "numbers": (PEOPLE, {"condition": ["sex", "age"]}),
    "array": (PAIRS, {}),
    "whole_numbers": (TALLIES, {}),
    "everything": (EVERYTHING, {"kinds": KINDS}),
    "sequence": (WORDS, {"kinds": {"x": "sequence"}, "network": TRANSFORMER, "likelihood": Bound(draws=8)}),
    "text": (EVERYTHING.select("word"), {"kinds": {"word": "sequence"}}),
    "images": (IMAGES, {"network": UNET, "likelihood": Bound(draws=8)}),
    "vp_cosine": (
        PAIRS,
        {
            "process": VariancePreserving(PLANE, Cosine()),
            "head": V(),
            "objective": Denoising(weightings.Simple(), times.Uniform()),
            "sampler": partial(samplers.Heun, steps=6, grid=grids.Karras()),
            "likelihood": Bound(draws=8, times=times.Uniform()),
        },
    ),
    "vp_linear": (
        PAIRS,
        {
            "process": partial(VariancePreserving, schedule=Linear(0.1, 15.0)),
            "head": Eps(),
            "objective": ddpm(10),
            "sampler": partial(samplers.Ancestral, steps=8),
        },
    ),
    "vp_learned": (
        PAIRS,
        {
            "process": partial(VariancePreserving, schedule=Learned()),
            "objective": VDM(),
            "likelihood": Bound(draws=8),
        },
    ),
    "vp_knots": (
        PAIRS,
        {
            "process": partial(VariancePreserving, schedule=Knots((0.0, 0.4, 1.0), (9.0, 1.0, -8.0))),
            "sampler": samplers.Adaptive,
        },
    ),
    "ve": (
        PAIRS,
        {
            "process": VarianceExploding(PLANE),
            "head": Eps(),
            "sampler": partial(samplers.DDIM, steps=8, eta=0.5, grid=grids.UniformLogSNR()),
            "likelihood": ProbabilityFlow(tolerance=1e-3),
        },
    ),
    "sub_vp": (
        PAIRS,
        {
            "process": SubVariancePreserving(PLANE),
            "head": X0(),
            "sampler": partial(samplers.Euler, steps=20),
            "likelihood": ImplicitBound(draws=4, steps=8, probes=2),
            "objective": Implicit(probes=1, weighting=weightings.Bound()),
        },
    ),
    "edm": (
        PAIRS,
        {
            "process": EDM(PLANE, sigma_max=40.0),
            "head": Preconditioned(0.5),
            "objective": Denoising(weightings.EDM(), times.LogNormal()),
            "sampler": partial(samplers.Heun, steps=6, churn=3.0),
        },
    ),
    "rectified_flow": (
        PAIRS,
        {
            "process": RectifiedFlow(PLANE),
            "head": V(),
            "sampler": partial(samplers.Multistep, steps=8, order=2, form=samplers.forms.Velocity()),
            "likelihood": Bound(draws=8),
        },
    ),
    "snr_form": (
        PAIRS,
        {
            "process": SNRForm(PLANE, LinearLogSNR(9.0, -8.0), snr_form.straight),
            "sampler": partial(samplers.dpm_solver_pp, steps=8, grid=grids.LogNormal()),
        },
    ),
    "ornstein_uhlenbeck": (
        PAIRS,
        {
            "process": partial(ornstein_uhlenbeck, horizon=4.0),
            "head": Score(),
            "sampler": partial(samplers.linear_multistep, steps=8, order=3),
            "objective": Denoising(times=times.OneLevel(0.5)),
        },
    ),
    "ornstein_uhlenbeck_object": (PAIRS, {"process": ornstein_uhlenbeck(PLANE)}),
    "chain": (
        PAIRS,
        {
            "process": CHAIN.process,
            "objective": StepPrices(CHAIN),
            "sampler": partial(samplers.ChainSteps, chain=CHAIN),
            "likelihood": StepBound(CHAIN, draws=8),
        },
    ),
    "betas": (PAIRS, {"process": VariancePreserving(PLANE, Betas((0.1, 0.2, 0.4, 0.6, 0.9)))}),
    "aitchison": (PAIRS, {"process": VariancePreserving(Aitchison(3), Cosine())}),
    "lattice_softmax": signs(Bound(draws=8, decoder=SoftmaxDecoder(LATTICE))),
    "lattice_bins": signs(Bound(draws=8, decoder=BinDecoder(LATTICE))),
    "lattice_noise": signs(DequantisedLikelihood(Bound(draws=8), NoiseCells(BinDecoder(LATTICE)), 2)),
    "dequantised": (
        TALLIES,
        {
            "process": VP,
            "likelihood": DequantisedLikelihood(ProbabilityFlow(tolerance=1e-3), UniformCells(0.5), 2, weighted=True),
        },
    ),
    "uniform": levels(CTMC(PAIR, rates.Uniform((5, 5))), head=Softmax()),
    "uniform_exponential": levels(CTMC(PAIR, rates.Uniform((5, 5)), Exponential(0.1, 60.0, 1e-4)), head=Posterior()),
    "refresh": levels(CTMC(PAIR, rates.Refresh([0.1, 0.2, 0.3, 0.15, 0.25]))),
    "birth_death": levels(
        CTMC(PAIR, rates.BirthDeath(5)), head=Logistic(), sampler=partial(samplers.TauLeaping, steps=8)
    ),
    "gaussian_target": levels(CTMC(PAIR, rates.GaussianTarget(5, reach=2.0, width=2.0))),
    "cyclic": levels(CTMC(PAIR, rates.Cyclic(5)), sampler=partial(samplers.Euler, steps=8)),
    "rate_matrix": levels(CTMC(PAIR, rates.RateMatrix(ONE_WAY))),
    "absorbing": (
        LEVELS,
        {
            "kinds": {"x": "sequence"},
            "process": CTMC(Finite(2, 6), rates.Absorbing(6), Erasing(survival=1e-3)),
            "sampler": samplers.FirstHitting,
        },
    ),
    "binomial": (
        BITS,
        {"kinds": {"x": "binary"}, "process": Binomial(Finite(3, 2), mean=0.3), "likelihood": Bound(draws=8)},
    ),
    "binomial_chain": (
        BITS,
        {
            "kinds": {"x": "binary"},
            "process": COINS.process,
            "objective": StepPrices(COINS),
            "sampler": partial(samplers.ChainSteps, chain=COINS),
            "likelihood": StepBound(COINS, draws=8, three_terms=True),
        },
    ),
    "pure_death": calls(PureDeath(Counts(1), mean=3.0)),
    "immigration_death": calls(ImmigrationDeath(Counts(1), mean=(4.0,))),
    "wright_fisher": (
        SHARES,
        {"kinds": {"x": "proportions"}, "process": WrightFisher(Simplex(3), (0.7, 1.0, 2.0))},
    ),
    "globe": (
        EVERYTHING.select("lat", "lon"),
        {"kinds": {"lat,lon": "latlon"}, "process": Brownian(Sphere(2), Geometric(1e-4, 4.0)), "head": Tangent()},
    ),
    "rotations": (
        EVERYTHING.select("qx", "qy", "qz", "qw"),
        {"kinds": {"q": "rotation"}, "process": Brownian(Rotations()), "likelihood": Bound(draws=8)},
    ),
    "product": (
        EVERYTHING.select("height", "wind"),
        {"kinds": {"wind": "angle"}, "process": Product(JOINT_PARTS), "head": Joint({"numbers": V()})},
    ),
}


def make(name):
    """Fit a model, save it, and write beside it what it says."""
    data, params = MODELS[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    settings = dict(steps=5, batch_size=32, learning_rate=0.02, warmup=1, ema=0.5, device="cpu", progress=False)
    model = DenoisingMarkovModel(**{"network": NETWORK, **settings, **params}).fit(data)
    model.save(folder)
    rows, given = data[:3], {"sex": "Male", "age": 30} if "condition" in params else None
    said = {
        part: found if isinstance(found, list) else described(found)
        for part, found in answers(model, rows, given).items()
    }
    expected = {"machine": machine(), "given": given, "rows": plain(rows), "answers": said}
    (folder / "expected.json").write_text(text(expected))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in MODELS:
        make(name)
