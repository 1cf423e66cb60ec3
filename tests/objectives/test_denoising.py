"""Denoising: its mean is a closed form, its losses are those of the literature, its parts are those of the whole."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, ExactMixture, Neural
from unnoise.evaluation import Bound
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP, Conditioned
from unnoise.objectives import Denoising, Implicit, Loss, denoising, times, weightings
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
VARIANCE, REPEATS, BATCH = 1.7, 40, 2048


class Shrink(Denoiser):
    """A wrong denoiser: a share of the noised state, or of the condition where there is one."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x_t, t, cond=None):
        return 0.5 * x_t if cond is None else 0.5 * x_t * cond


# Short ranges of noise, so that every law of times has a variance that a test can afford.
PROCESSES = {
    "edm": edm(Euclidean(2), 0.05, 10.0),
    "vp": variance_preserving(Euclidean(2), Linear(tau_min=0.02)),
}
TIMES = {"uniform": times.UniformTimes(), "log-snr": times.ImportanceTimes(), "log-normal": times.LogNormalTimes()}


def exact_gaussian(process):
    law = GaussianMixture(
        torch.ones(1, dtype=FLOAT64), torch.zeros(1, 2, dtype=FLOAT64), VARIANCE * torch.eye(2, dtype=FLOAT64)[None]
    )
    return ExactMixture(process, law)


def batch_means(objective, denoiser, rng):
    """Independent estimates of the objective's mean over Gaussian data."""
    draws = VARIANCE**0.5 * torch.randn(REPEATS, BATCH, 2, generator=rng, dtype=FLOAT64)
    return torch.stack([objective(denoiser, x_0, None, rng).value.mean() for x_0 in draws])


@pytest.mark.parametrize("law", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_the_mean_of_the_bound_is_the_information_lost(process, law, rng):
    """I-MMSE: for N(0, v) data each coordinate costs log((1 + v SNR_max) / (1 + v SNR_min)) / 2, whatever the times."""
    high, low = process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64)).exp().tolist()
    truth = 2 * 0.5 * math.log((1 + VARIANCE * high) / (1 + VARIANCE * low))
    means = batch_means(Denoising(times=law), exact_gaussian(process), rng)
    assert float(means.std()) / REPEATS**0.5 < 0.01 * truth
    assert_mean(means, truth)
    with pytest.raises(ImprobableError):
        assert_mean(0.5 * means, truth)


def test_any_denoiser_costs_the_same_under_any_times(rng):
    """Also where it is wrong: the times change the variance only."""
    estimates = [batch_means(Denoising(times=law), Shrink(PROCESSES["edm"]), rng) for law in TIMES.values()]
    for one in estimates[1:]:
        assert float((one - estimates[0]).std()) / REPEATS**0.5 < 0.03 * float(one.mean())
        assert_mean(one - estimates[0])
        with pytest.raises(ImprobableError):
            assert_mean(0.5 * one - estimates[0])


def test_low_discrepancy_lowers_the_variance(rng, monkeypatch):
    denoiser, objective = exact_gaussian(PROCESSES["vp"]), Denoising(times=times.UniformTimes())
    spread_evenly = batch_means(objective, denoiser, rng).var()
    monkeypatch.setattr(denoising, "low_discrepancy", lambda n, rng: torch.rand(n, generator=rng))
    assert spread_evenly < 0.5 * batch_means(objective, denoiser, rng).var()


def noised(process, law, x_0, seed):
    """The times and states that an objective draws for a whole batch from a seed."""
    rng = torch.Generator().manual_seed(seed)
    t, _ = law(process, times.low_discrepancy(len(x_0), rng))
    return t, process.marginal(x_0, t).sample(rng)


def test_simple_is_the_loss_of_ddpm(gaussian, rng):
    """The squared error of the predicted noise, at times uniform in t."""
    process = gaussian(2)
    x_0 = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
    found = Denoising(weightings.SimpleWeighting(), times.UniformTimes())(
        Shrink(process), x_0, None, torch.Generator().manual_seed(3)
    ).value
    t, x_t = noised(process, times.UniformTimes(), x_0, 3)
    alpha, sigma = (part[:, None] for part in process.alpha_sigma(t))
    noise, predicted = ((x_t - alpha * each) / sigma for each in (x_0, 0.5 * x_t))
    torch.testing.assert_close(found, (noise - predicted).square().sum(-1), rtol=1e-3, atol=1e-6)


def test_edm_with_log_normal_times_is_the_loss_of_karras(rng):
    """Up to the mass of the log-normal law inside the range of the process."""
    process, law = edm(Euclidean(2)), times.LogNormalTimes()
    x_0 = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
    found = Denoising(weightings.EDMWeighting(), law)(
        Shrink(process), x_0, None, torch.Generator().manual_seed(3)
    ).value
    t, x_t = noised(process, law, x_0, 3)
    sigma = process.alpha_sigma(t)[1]
    karras = (sigma**2 + 1) / sigma**2 * (x_0 - 0.5 * x_t).square().sum(-1)
    low, high = ((math.log(level) - law.mean) / law.deviation for level in (0.002, 80.0))
    mass = 0.5 * (math.erf(high / 2**0.5) - math.erf(low / 2**0.5))
    assert mass == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(found, mass * karras.to(found), rtol=1e-5, atol=1e-6)


def test_the_parts_of_a_batch_are_those_of_the_whole(gaussian, rng):
    """Two devices that share a batch see the noise, the times and the conditions of one."""
    x_0, cond = torch.randn(10, 2, generator=rng), torch.randn(10, 1, generator=rng)
    objective, denoiser = Denoising(weightings.SimpleWeighting()), Shrink(gaussian(2))

    def loss(rows=slice(None)):
        return objective(denoiser, x_0, cond, torch.Generator().manual_seed(8), rows).value

    whole = loss()
    assert whole.shape == (10,)
    assert torch.equal(torch.cat([loss(slice(0, 3)), loss(slice(3, 10))]), whole)
    assert torch.equal(
        torch.cat([loss(slice(0, None, 2)), loss(slice(1, None, 2))]), torch.cat([whole[::2], whole[1::2]])
    )


def test_any_callable_is_a_weighting(rng):
    x_0 = torch.randn(10, 2, generator=rng)
    results = [
        Denoising(weighting, times.UniformTimes())(
            Shrink(PROCESSES["edm"]), x_0, None, torch.Generator().manual_seed(1)
        ).value
        for weighting in (weightings.BoundWeighting(), lambda process, t: 3 * t)
    ]
    t, _ = noised(PROCESSES["edm"], times.UniformTimes(), x_0, 1)
    torch.testing.assert_close(results[1], 3 * t * results[0])


def test_the_gradient_reaches_every_weight(gaussian, rng):
    network = MLP((2,), cond_features=1, width=16, depth=1)
    nn.init.normal_(network.last.weight, std=0.1, generator=rng)
    x_0, cond = torch.randn(20, 2, generator=rng), torch.randn(20, 1, generator=rng)
    Denoising()(Neural(gaussian(2), network), x_0, cond, rng).value.mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize(
    "make", [Denoising, lambda weighting: Implicit(weighting=weighting)], ids=["denoising", "implicit"]
)
def test_a_weighting_of_another_shape_is_refused(make, rng):
    """(n, 1) met every loss with every weight; one number serves all."""
    x_0, denoiser = torch.randn(10, 2, generator=rng), Shrink(PROCESSES["vp"])
    for wrong in (lambda process, t: t[:, None], lambda process, t: t[:-1], lambda process, t: torch.ones(1)):
        with pytest.raises(InputError, match=r"the weighting gave factors of shape .* for times of shape \(10,\)"):
            make(wrong)(denoiser, x_0, None, rng)
    values = [
        make(weighting)(denoiser, x_0, None, torch.Generator().manual_seed(1)).value
        for weighting in (weightings.BoundWeighting(), lambda process, t: 2.0, lambda process, t: torch.tensor(2.0))
    ]
    torch.testing.assert_close(values[1], 2 * values[0])
    assert torch.equal(values[1], values[2])


class Counting(nn.Module):
    """An encoder that counts what it reads."""

    def __init__(self):
        super().__init__()
        self.layer, self.rows = nn.Linear(3, 4), 0

    def forward(self, x):
        self.rows += len(x)
        return self.layer(x)


def conditional(encoder):
    backbone = MLP((2,), 4, width=8, depth=1, embedding=8)
    nn.init.normal_(backbone.last.weight)
    return Neural(PROCESSES["vp"], Conditioned(backbone, [encoder], [(3,)]))


def test_conditions_are_read_once_for_all_noised_copies(rng):
    """The mean over copies is that of as many repeated rows, and every row has its own times, evenly spread."""
    encoder = Counting()
    denoiser, x_0, cond = conditional(encoder), torch.randn(3, 2, generator=rng), torch.randn(3, 3, generator=rng)
    found = Denoising(copies=4)(denoiser, x_0, cond, torch.Generator().manual_seed(1)).value
    assert found.shape == (3,)
    assert encoder.rows == 3
    told, code = denoiser.read(cond)
    assert told.read(code) == (told, code)
    repeated = x_0.repeat_interleave(4, 0), code.repeat_interleave(4, 0)
    made = denoising.predict(
        denoiser, x_0, cond, torch.Generator().manual_seed(1), slice(None), Denoising().times, copies=4
    )
    torch.testing.assert_close(made.x_0, repeated[0])
    torch.testing.assert_close(made.stat, told(made.x_t, made.t, repeated[1]))
    u = denoiser.process.log_snr(made.t).reshape(3, 4)
    ends = denoiser.process.log_snr(torch.tensor([0.0, 1.0]))
    cells = ((u - ends[0]) / (ends[1] - ends[0]) * 4).long().clamp(max=3)
    assert all(sorted(row) == [0, 1, 2, 3] for row in cells.tolist())


def test_parts_of_a_batch_see_the_copies_of_the_whole(rng):
    denoiser, x_0, cond = conditional(Counting()), torch.randn(4, 2, generator=rng), torch.randn(4, 3, generator=rng)
    objective = Denoising(copies=3)
    whole, *parts = (
        objective(denoiser, x_0, cond, torch.Generator().manual_seed(1), rows).value
        for rows in (slice(None), slice(0, 3), slice(3, 4))
    )
    torch.testing.assert_close(torch.cat(parts), whole)


class Tall(times.Times):
    """Times with one axis too many."""

    def __call__(self, process, u):
        return u[:, None], torch.ones_like(u)


class Single(times.Times):
    """One density for all."""

    def __call__(self, process, u):
        return u, torch.ones(1)


@pytest.mark.parametrize("law", [Tall(), Single()])
def test_a_law_of_times_of_another_shape_is_refused(law, rng):
    x_0, denoiser = torch.randn(10, 2, generator=rng), Shrink(PROCESSES["vp"])
    for ask in (
        lambda: Denoising(times=law)(denoiser, x_0, None, rng),
        lambda: Bound(draws=2, times=law)(denoiser, x_0, rng),
    ):
        with pytest.raises(
            InputError, match=f"{type(law).__name__} gave times of shape .* return one of each per number"
        ):
            ask()


def test_losses_of_another_shape_are_refused():
    for wrong in (torch.zeros(3, 1), torch.zeros(())):
        with pytest.raises(InputError, match="expected one number per example"):
            Loss(wrong)


@pytest.mark.parametrize("objective", [Denoising(), Implicit()], ids=["denoising", "implicit"])
@pytest.mark.parametrize(
    ("x_0", "cond", "sentence"),
    [
        (torch.zeros(4, 8, 8, 3), None, r"got points of shape \(8, 8, 3\); Euclidean expects \(3, 8, 8\)"),
        (torch.zeros(3, 8, 8), None, r"got points of shape \(8, 8\); Euclidean expects \(3, 8, 8\)"),
        (torch.zeros(4, 3, 8, 8).int(), None, "convert with x.float()"),
        (torch.zeros(4, 3, 8, 8).numpy(), None, "got data of type ndarray"),
        (torch.full((4, 3, 8, 8), math.nan), None, "got NaN or infinite values"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(5, 1), r"got conditions of shape \(5, 1\) for 4 examples"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(()), r"got conditions of shape \(\) for 4 examples"),
        (torch.zeros(4, 3, 8, 8), torch.zeros(4, 1).numpy(), "got conditions of type ndarray for 4 examples"),
    ],
)
def test_what_is_no_batch_of_data_is_refused_in_a_sentence(objective, x_0, cond, sentence, rng):
    with pytest.raises(InputError, match=sentence):
        objective(Shrink(variance_preserving(Euclidean((3, 8, 8)))), x_0, cond, rng)
