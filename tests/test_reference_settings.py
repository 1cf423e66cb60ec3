"""What every space and every process gave when it was recorded: losses, samples and likelihoods, bit for bit.

`python tests/test_reference_settings.py --write` records the numbers of this commit in `reference_settings.json`. That
is for a commit that changes numbers on purpose, and says so. A setting whose formula was replaced by a better one
keeps its old numbers, with a relative tolerance and the reason beside them.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "toys"))  # where conftest does not do it: in the script

from recorded import described, differences, machine, text

from unnoise import DenoisingMarkovModel
from unnoise._seeding import seeded
from unnoise.chains import (
    BAOAB,
    MALA,
    AtNoise,
    Cheng,
    Density,
    Langevin,
    Localization,
    Sachs,
    Sequential,
    WalkJump,
    growing_levels,
    run,
)
from unnoise.denoisers import Exact, ExactMixture, Neural
from unnoise.evaluation import BinDecoder, Bound, ImplicitBound, ProbabilityFlow, SoftmaxDecoder, StepBound
from unnoise.heads import X0, Eps, LatticeHead, Preconditioned, Score, V
from unnoise.laws import Categorical, GaussianMixture, Normal
from unnoise.model import default_sampler
from unnoise.networks import MLP
from unnoise.objectives import VDM, Denoising, Implicit, StepKL, ddpm, times, weightings
from unnoise.processes import (
    CTMC,
    Binomial,
    Brownian,
    DiffusionProcess,
    Gaussian,
    ImmigrationDeath,
    JumpProcess,
    LargeVariance,
    PureDeath,
    SmallVariance,
    WrightFisher,
    binomial_chain,
    chain_of_betas,
    edm,
    linear_betas,
    ornstein_uhlenbeck,
    paths,
    product,
    rates,
    rectified_flow,
    sub_variance_preserving,
    variance_exploding,
    variance_preserving,
)
from unnoise.samplers import (
    DDIM,
    Ancestral,
    ChainSteps,
    Euler,
    Heun,
    Multistep,
    TauLeaping,
    dpm_solver_pp,
    linear_multistep,
)
from unnoise.samplers.forms import VelocityForm
from unnoise.schedules import Cosine, Erasing, Exponential, Geometric, Learned, LinearLogSNR, LogSNR
from unnoise.spaces import Aitchison, Continuum, Counts, Euclidean, Finite, Lattice, Rotations, Simplex, Sphere, Torus

STORED = Path(__file__).with_name("reference_settings.json")
FLOAT64 = torch.float64


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def neural(process, head=None):
    """A small network whose last layer is not zero, as it would be before training."""
    head = (lambda process: process.head) if head is None else head
    with seeded(0):
        shapes = head(process).input_shape, 0, head(process).output_shape
        network = MLP(*shapes, width=8, depth=1, embedding=8)
        torch.nn.init.normal_(network.last.weight, std=0.3)
    return Neural(process, network, head)


def loss(objective, denoiser, x_0):
    return objective(denoiser, x_0, None, rng(1)).value


def samples(sampler):
    """The samples and, since those of a few atoms end on the atoms, where they were halfway."""
    seen = []
    last = sampler.sample(4, rng(2), on_step=lambda index, t, state: seen.append(state))
    return {"halfway": seen[len(seen) // 2], "last": last}


def likelihoods(denoiser, x_0):
    """The bound, and the probability flow where it is exact."""
    found = {"bound": Bound(draws=4)(denoiser, x_0, rng(3)).log_prob}
    if isinstance(denoiser.process.space, Continuum):
        found["flow"] = ProbabilityFlow(tolerance=1e-2)(denoiser, x_0, rng(4)).log_prob
    return found


def known(process, atoms, head=None):
    """All that is asked of a process with a kernel."""
    learner, exact = neural(process, head), Exact(process, atoms)
    return {
        "loss": loss(Denoising(), learner, atoms),
        "implicit": loss(Implicit(), learner, atoms),
        "samples": samples(default_sampler(process, powers=False)(exact, steps=6)),
        "euler": samples(Euler(exact, steps=6)),
        **likelihoods(exact, atoms),
    }


# ---- numbers: Gaussian processes


def points(*shape, dtype=torch.float32):
    return torch.randn(4, *shape, generator=rng(9), dtype=dtype)


def gaussian(make):
    return known(make(Euclidean(2)), points(2))


def heads():
    """What a network's output may stand for, in float64."""
    process = variance_preserving(Euclidean((1, 2)), Cosine())
    kinds = {
        "x0": X0,
        "eps": Eps,
        "v": V,
        "score": Score,
        "preconditioned": partial(Preconditioned, sigma_data=0.5),
    }
    x_0 = points(1, 2, dtype=FLOAT64)
    return {name: loss(Denoising(), neural(process, head).double(), x_0) for name, head in kinds.items()}


def objectives():
    """Other weightings and times than those of the bound."""
    learner, x_0 = neural(variance_preserving(Euclidean(2))), points(2)
    kinds = {
        "simple": Denoising(weightings.SimpleWeighting(), times.UniformTimes()),
        "edm": Denoising(weightings.EDMWeighting(), times.LogNormalTimes()),
        "steps": Denoising(weightings.StepWeighting(10), times.StepTimes(10)),
        "ddpm": ddpm(10),
        "one level": Denoising(times=times.OneLevel(0.5)),
        "sliced": Implicit(probes=2),
    }
    return {name: loss(objective, learner, x_0) for name, objective in kinds.items()}


def lattice():
    """Whole numbers as levels: the head that knows them, and both decoders."""
    levels = Lattice(-1.0, 0.5, 5)
    process = variance_preserving(Euclidean((1, 2, 2)), LinearLogSNR(9.0, -8.0))
    x_0 = levels.levels()[torch.randint(0, 5, (4, 1, 2, 2), generator=rng(9))]
    exact, learner = Exact(process, x_0), neural(process, partial(LatticeHead, lattice=levels))
    return known(process, x_0, head=partial(LatticeHead, lattice=levels)) | {
        "softmax": Bound(draws=4, decoder=SoftmaxDecoder(levels))(exact, x_0, rng(3)).log_prob,
        "bins": Bound(draws=4, decoder=BinDecoder(levels))(learner, x_0, rng(3)).log_prob,
    }


def learnt_schedule():
    with seeded(0):
        process = variance_preserving(Euclidean(2), Learned())
    learner = neural(process)
    return {"loss": loss(VDM(), learner, points(2)), "bound": Bound(draws=4)(learner, points(2), rng(3)).log_prob}


def aitchison():
    shares = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.15, 0.05], [0.25, 0.25, 0.25, 0.25]])
    space = Aitchison(4)
    x_0 = space.from_proportions(shares)
    return known(variance_preserving(space, Cosine()), x_0) | {"x_0": x_0, "log_volume": space.log_volume(x_0)}


# ---- levels, tokens and bits: jumps on finite spaces

WORDS = torch.tensor([[0, 0], [1, 4], [3, 1], [2, 2]])
BITS = torch.tensor([[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]])


def one_way():
    """Rates that are no one's reverse."""
    matrix = torch.rand(5, 5, generator=rng(8), dtype=FLOAT64)
    return rates.RateMatrix(matrix - torch.diag(matrix.sum(1)))


def ctmc(make_rates, states=5, schedule=None):
    process = CTMC(Finite(2, states), make_rates(), schedule)
    leaps = samples(TauLeaping(Exact(process, WORDS), steps=6))
    return known(process, WORDS) | {"leaps": leaps}


def binomial():
    return known(Binomial(Finite(3, 2), mean=0.3), BITS)


# ---- curved spaces, shares and counts


def brownian(space):
    return known(Brownian(space), space.uniform(4).sample(rng(9)).float())


def wright_fisher(alpha):
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    return known(WrightFisher(Simplex(3), alpha), shares)


def counts(make, mean):
    return known(make(Counts(2), mean=mean), torch.tensor([[0, 3], [5, 1], [2, 9], [1, 0]]))


# ---- products


def mixed():
    """Numbers, levels, angles, counts and shares at once, in a product of products."""
    inner = product({"angle": Brownian(Torus(2)), "count": ImmigrationDeath(Counts(1), mean=3.0)})
    parts = {
        "number": variance_preserving(Euclidean(2), Cosine()),
        "level": CTMC(Finite(2, 5), rates.UniformRates(5)),
        "share": WrightFisher(Simplex(2)),
        "rest": inner,
    }
    atoms = {
        "number": points(2),
        "level": WORDS,
        "share": torch.tensor([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2], [0.3, 0.7]]),
        "rest": {"angle": Torus(2).uniform(4).sample(rng(9)).float(), "count": torch.tensor([[0], [3], [7], [1]])},
    }
    return known(product(parts), atoms)


def nested():
    """A product with a bridge and a flow."""
    inner = product({"b": variance_exploding(Euclidean((1, 2))), "c": edm(Euclidean(1))})
    process = product({"a": variance_preserving(Euclidean(2)), "rest": inner})
    atoms = {"a": points(2), "rest": {"b": points(1, 2), "c": points(1)}}
    return known(process, atoms) | {"ancestral": samples(Ancestral(Exact(process, atoms), steps=6))}


def curved_product():
    process = product({"where": Brownian(Sphere(2)), "how": Brownian(Torus(1))})
    atoms = {"where": Sphere(2).uniform(4).sample(rng(9)).float(), "how": Torus(1).uniform(4).sample(rng(9)).float()}
    return known(process, atoms)


# ---- a user's own generators


def of_generator(process, x_0):
    """All that is asked of a process without a kernel."""
    learner = neural(process)
    return {
        "implicit": loss(Implicit(steps=6), learner, x_0),
        "sliced": loss(Implicit(steps=6, probes=2), learner, x_0),
        "samples": samples(default_sampler(process)(learner, steps=6)),
        "bound": ImplicitBound(draws=4, steps=6)(learner, x_0, rng(3)).log_prob,
    }


def own_diffusion(space, pull):
    prior = partial(_normal, space.event_shape) if isinstance(space, Euclidean) else space.uniform
    process = DiffusionProcess(space, lambda x, t: -pull * x, lambda t: 2 + t, prior)
    x_0 = prior(4).sample(rng(9)).float()
    return of_generator(process, x_0)


def _normal(shape, n):
    return Normal(torch.zeros(n, *shape), torch.ones(()), len(shape))


def own_jumps():
    def rates_to(x, t):
        there = torch.arange(3)
        return 2 * (0.5 + t) * torch.exp(0.4 * torch.sin(1 + 2 * x[..., None] * there))

    process = JumpProcess(Finite(2, 3), rates_to, partial(_even, 3))
    return of_generator(process, torch.tensor([[0, 1], [2, 2], [1, 0], [0, 0]]))


def _even(states, n):
    return Categorical(torch.full((n, 2, states), 1 / states), event_ndim=1)


# ---- chains of whole steps


def whole_steps(chain, x_0):
    learner, exact = neural(chain.process), Exact(chain.process, x_0)
    bound = StepBound(chain, draws=4)(exact, x_0, rng(3))
    terms = StepBound(chain, draws=4, three_terms=True)(learner, x_0, rng(3))
    return {
        "loss": loss(StepKL(chain), learner, x_0),
        "samples": samples(ChainSteps(exact, chain)),
        "bound": bound.log_prob,
        "parts": torch.stack([bound.parts[name].to(FLOAT64) for name in sorted(bound.parts)]),
        "three terms": torch.stack([terms.parts[name].to(FLOAT64) for name in sorted(terms.parts)]),
    }


def gaussian_chain(variance):
    return whole_steps(chain_of_betas(Euclidean(2), linear_betas(10), variance), points(2))


def bits_in_steps():
    return whole_steps(binomial_chain(Finite(3, 2), 0.7, steps=10), BITS)


# ---- samplers and chains on a mixture, whose denoiser is known


def mixture():
    means = torch.tensor([[2.0, 0.0], [-1.0, 1.5], [0.0, -1.0]], dtype=FLOAT64)
    covariances = torch.tensor([[[0.3, 0.1], [0.1, 0.2]], [[0.1, 0.0], [0.0, 0.4]], [[0.2, -0.1], [-0.1, 0.3]]])
    return GaussianMixture(torch.tensor([0.5, 0.3, 0.2], dtype=FLOAT64), means, covariances.double())


SAMPLERS = {
    "multistep": partial(Multistep, steps=8, form=VelocityForm(1.0)),
    "dpm-solver++": partial(dpm_solver_pp, steps=8),
    "dpm-solver++, churn": partial(dpm_solver_pp, steps=8, churn=0.5),
    "linear multistep": partial(linear_multistep, steps=8),
    "heun": partial(Heun, steps=6),
    "heun, churn": partial(Heun, steps=6, churn=3.0),
    "ddim": partial(DDIM, steps=8),
    "ddim, eta": partial(DDIM, steps=8, eta=0.7),
    "ancestral": partial(Ancestral, steps=8),
    "euler": partial(Euler, steps=8),
}


def solvers(make):
    denoiser = ExactMixture(make(Euclidean(2)), mixture())
    found = {name: sampler(denoiser).sample(4, rng(2)) for name, sampler in SAMPLERS.items()}
    return found | likelihoods(denoiser, mixture().sample(rng(5), (4,)))


WIDE = variance_exploding(Euclidean(2), 1e-3, 1e3)  # all levels that the chains ask for


def walks():
    law, start = mixture(), torch.zeros(4, 2, dtype=FLOAT64)
    noisy, target = AtNoise(ExactMixture(WIDE, law)), Density(law.log_prob)
    kernels = {
        "langevin": Langevin(target, 0.05),
        "mala": MALA(target, 0.3),
        "sachs": Sachs(target, 0.2),
        "baoab": BAOAB(target, 0.2),
        "cheng": Cheng(target, 0.2),
    }
    found = {name: run(kernel, start, 20, rng(2)).x for name, kernel in kernels.items()}
    return found | {
        "walk-jump": WalkJump(noisy, 0.5, steps=20).sample(start, rng(2)),
        "walk-jump over atoms": WalkJump(AtNoise(Exact(WIDE, points(2))), 0.5, steps=20).sample(start.float(), rng(2)),
        "joint": WalkJump(noisy, 2.0, steps=20, friction=1.0, m=5).sample(start, rng(2)),
        "sequential": Sequential(noisy, growing_levels(3.0, 4, last=0.5)).sample(start[:1], rng(2)),
        "localization": Localization(noisy, growing_levels(6.0, 20, last=0.5)).sample(start, rng(2)),
    }


# ---- the front door


def fitted():
    data = np.random.default_rng(0).multivariate_normal([1.0, -2.0], [[1.0, 0.8], [0.8, 1.5]], 64)
    network = partial(MLP, width=16, depth=1, embedding=16)
    fixed = {"steps": 20, "batch_size": 32, "device": "cpu", "progress": False, "roles": "joint", "validation": 0}
    model = DenoisingMarkovModel(network=network, **fixed).fit(data)
    bound = model.score_samples(data[:3], likelihood=Bound(draws=8))
    solver = default_sampler(model.denoiser_.process, powers=False)
    return {
        "losses": torch.tensor(model.losses_),
        "samples": torch.from_numpy(model.sample(4, seed=0, sampler=solver)),
        "flow": torch.from_numpy(model.score_samples(data[:3])),
        "bound": torch.from_numpy(bound),
    }


SETTINGS = {
    "variance preserving": partial(gaussian, variance_preserving),
    "variance preserving, cosine": partial(gaussian, partial(variance_preserving, schedule=Cosine())),
    "variance exploding": partial(gaussian, variance_exploding),
    "sub variance preserving": partial(gaussian, sub_variance_preserving),
    "edm": partial(gaussian, edm),
    "rectified flow": partial(gaussian, rectified_flow),
    "snr form": partial(
        gaussian, partial(Gaussian, schedule=LogSNR(lambda t: 9 - 6 * t - 9 * t**2), path=paths.Straight())
    ),
    "ornstein-uhlenbeck": partial(gaussian, ornstein_uhlenbeck),
    "heads": heads,
    "objectives": objectives,
    "lattice": lattice,
    "learnt schedule": learnt_schedule,
    "aitchison": aitchison,
    "uniform": partial(ctmc, partial(rates.UniformRates, 5)),
    "uniform, unequal": partial(ctmc, partial(rates.UniformRates, (4, 6)), (4, 6)),
    "uniform, exponential": partial(ctmc, partial(rates.UniformRates, 5), 5, Exponential(0.1, 60.0, 1e-4)),
    "absorbing": partial(ctmc, partial(rates.Absorbing, 6), 6),
    "absorbing, erasing": partial(ctmc, partial(rates.Absorbing, 6), 6, Erasing(survival=1e-3)),
    "refresh": partial(ctmc, partial(rates.Refresh, [0.1, 0.2, 0.3, 0.15, 0.25])),
    "birth and death": partial(ctmc, partial(rates.BirthDeath, 5)),
    "gaussian target": partial(ctmc, partial(rates.GaussianTarget, 5, reach=2.0, width=2.0)),
    "cyclic": partial(ctmc, partial(rates.Cyclic, 5)),
    "rate matrix": partial(ctmc, one_way, 5, Geometric(0.01, 10.0)),
    "binomial": binomial,
    "circle": partial(brownian, Torus(1)),
    "torus": partial(brownian, Torus(2)),
    "globe": partial(brownian, Sphere(2)),
    "five-sphere": partial(brownian, Sphere(5)),
    "rotations": partial(brownian, Rotations()),
    "simplex": partial(wright_fisher, 1.0),
    "simplex, unequal": partial(wright_fisher, (0.7, 1.0, 2.0)),
    "pure death": partial(counts, PureDeath, 3.0),
    "immigration and death": partial(counts, ImmigrationDeath, (2.0, 4.0)),
    "mixed product": mixed,
    "nested product": nested,
    "curved product": curved_product,
    "own diffusion": partial(own_diffusion, Euclidean(2), 2.0),
    "own diffusion on the globe": partial(own_diffusion, Sphere(2), 0.0),
    "own jumps": own_jumps,
    "own independent jumps": own_jumps,  # of old an option, with the same numbers
    "gaussian chain": partial(gaussian_chain, SmallVariance()),
    "gaussian chain, large variance": partial(gaussian_chain, LargeVariance()),
    "binomial chain": bits_in_steps,
    "solvers, variance preserving": partial(solvers, variance_preserving),
    "solvers, edm": partial(solvers, edm),
    "walks": walks,
    "fitted model": fitted,
}


def leaves(name, value):
    """The tensors of a point of a product, with their names."""
    if isinstance(value, dict):
        return {k: v for part, held in value.items() for k, v in leaves(f"{name}.{part}", held).items()}
    return {name: value}


def values(setting):
    return {k: v for name, value in SETTINGS[setting]().items() for k, v in leaves(name, value).items()}


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text())


@pytest.mark.filterwarnings("ignore::unnoise.samplers.InaccurateSamplesWarning")  # of few steps
@pytest.mark.parametrize("setting", SETTINGS)
def test_nothing_has_changed(setting, stored):
    old, found = stored["settings"][setting], values(setting)
    assert set(found) == set(old["values"])
    wrong = {
        name: told
        for name, recorded in old["values"].items()
        if (told := differences(found[name], recorded, stored["machine"], old["tolerance"]))
    }
    assert not wrong, wrong


def test_every_setting_is_recorded(stored):
    """A tolerance comes with its reason."""
    assert set(stored["settings"]) == set(SETTINGS)
    assert all(bool(old["tolerance"]) == bool(old["reason"]) for old in stored["settings"].values())


def write():
    torch.set_num_threads(1)  # as conftest does
    settings = {
        setting: {"tolerance": 0.0, "reason": "", "values": {k: described(v) for k, v in values(setting).items()}}
        for setting in SETTINGS
    }
    STORED.write_text(text({"machine": machine(), "settings": settings}))


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    write()
