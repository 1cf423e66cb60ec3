"""Classifier-free guidance: the denoiser of the tilted law at every noise level, in closed form."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from unnoise import denoisers
from unnoise._errors import InputError
from unnoise.denoisers import Answering, ClassifierFree, Denoiser, Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import (
    CTMC,
    Brownian,
    Gaussian,
    ImmigrationDeath,
    JumpProcess,
    Process,
    PureDeath,
    WrightFisher,
    edm,
    product,
    rates,
    rectified_flow,
    variance_preserving,
)
from unnoise.samplers import FirstHitting
from unnoise.spaces import Counts, Euclidean, Finite, Simplex, Torus
from unnoise.testing import assert_frequencies

FLOAT64 = torch.float64
KNOWN, UNKNOWN = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])


class Two(Denoiser):
    """One exact denoiser where the condition is known, another where it is not."""

    def __init__(self, told: Denoiser, untold: Denoiser) -> None:
        super().__init__()
        self.process, self.told, self.untold = told.process, told, untold

    def forward(self, x_t: Any, t: torch.Tensor, cond: Any = None) -> Any:
        return (self.untold if cond is None or bool(cond[0, -1]) else self.told)(x_t, t)


def normal(mean: float, variance: float) -> GaussianMixture:
    numbers = (torch.tensor(value, dtype=FLOAT64) for value in ([1.0], [[mean]], [[[variance]]]))
    return GaussianMixture(*numbers)


@pytest.mark.parametrize(
    "process", [variance_preserving(Euclidean(1)), edm(Euclidean(1)), rectified_flow(Euclidean(1))]
)
def test_of_normal_laws_it_is_the_denoiser_of_the_tilted_normal_law(process: Gaussian) -> None:
    (m, v), (n, u), w = (1.0, 0.5), (-0.5, 1.5), 2.0
    told, untold = (ExactMixture(process, normal(*law)) for law in ((m, v), (n, u)))
    x = torch.linspace(-2, 2, 7, dtype=FLOAT64)[:, None]
    for t in torch.tensor([0.1, 0.5, 0.9], dtype=FLOAT64):
        alpha, sigma = process.alpha_sigma(t)
        first, second = alpha**2 * v + sigma**2, alpha**2 * u + sigma**2
        precision = w / first + (1 - w) / second
        centre = (w * alpha * m / first + (1 - w) * alpha * n / second) / precision
        score = -precision * (x - centre)
        tilted = (sigma**2 * score + x) / alpha
        both = Two(told, untold)
        torch.testing.assert_close(ClassifierFree(both, w, UNKNOWN)(x, t, KNOWN), tilted)
        torch.testing.assert_close(ClassifierFree(both, 1, UNKNOWN)(x, t, KNOWN), told(x, t))
        torch.testing.assert_close(ClassifierFree(both, 0, UNKNOWN)(x, t, KNOWN), untold(x, t))
        broken = ClassifierFree(Two(untold, told), w, UNKNOWN)(x, t, KNOWN)
        assert not torch.allclose(broken, tilted, rtol=1e-2)


def tilted_score(told: Any, untold: Any, x: torch.Tensor, t: torch.Tensor, w: float) -> torch.Tensor:
    """The gradient of the tilted noisy log density."""
    x = x.clone().requires_grad_()
    value = w * told.log_prob(x, t) + (1 - w) * untold.log_prob(x, t)
    (slope,) = torch.autograd.grad(value.sum(), x)
    return slope


@pytest.mark.parametrize("w", [0.5, 3.0, -1.0])
def test_of_mixtures_its_score_is_that_of_the_tilted_noisy_density(w: float, rng: torch.Generator) -> None:
    process = variance_preserving(Euclidean(2))
    told, untold = (Exact(process, torch.randn(k, 2, generator=rng, dtype=FLOAT64)) for k in (3, 8))
    t, x = torch.tensor(0.4, dtype=FLOAT64), torch.randn(5, 2, generator=rng, dtype=FLOAT64)
    found = process.score(x, ClassifierFree(Two(told, untold), w)(x, t, KNOWN), t)
    torch.testing.assert_close(found, tilted_score(told, untold, x, t, w), rtol=1e-6, atol=1e-8)


def test_of_angles_its_statistic_is_the_score_of_the_tilted_noisy_density(rng: torch.Generator) -> None:
    process = Brownian(Torus(1))
    told, untold = (Exact(process, torch.tensor(atoms, dtype=FLOAT64)[:, None]) for atoms in ([0.5], [-2.0, 0.5, 2.5]))
    t, x = torch.tensor(0.7, dtype=FLOAT64), 3 * torch.rand(5, 1, generator=rng, dtype=FLOAT64)
    found = ClassifierFree(Two(told, untold), 2.0)(x, t, KNOWN)
    torch.testing.assert_close(found, tilted_score(told, untold, x, t, 2.0), rtol=1e-5, atol=1e-7)


def test_of_proportions_it_is_the_line_through_both(rng: torch.Generator) -> None:
    """The statistic is a score, less that of the stationary law, which both have."""
    process = WrightFisher(Simplex(3))
    told, untold = (Exact(process, torch.tensor([one])) for one in ([0.2, 0.3, 0.5], [0.4, 0.4, 0.2]))
    x, t = torch.tensor([[0.3, 0.3, 0.4]]), torch.tensor(0.5)
    found = ClassifierFree(Two(told, untold), 2.0)(x, t, KNOWN)
    torch.testing.assert_close(found, 2 * told(x, t) - untold(x, t))


@pytest.mark.parametrize("kind", [rates.Absorbing, rates.Cyclic])
def test_of_one_site_it_is_the_denoiser_of_the_tilted_law(kind: Any) -> None:
    """p(x_0 | x_t) is proportional to p(x_0) q(x_t | x_0), so the kernel cancels to its first power."""
    process = CTMC(Finite(1, 4), kind(4))
    states, w = torch.arange(3)[:, None], 2.0
    given, plain = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.3, 0.3, 0.4])
    both = Two(Exact(process, states, given), Exact(process, states, plain))
    tilted = Exact(process, states, given**w * plain ** (1 - w))
    x, t = torch.arange(4)[:, None], torch.tensor(0.6)
    found = ClassifierFree(both, w)(x, t, KNOWN)
    torch.testing.assert_close(found, tilted(x, t), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(ClassifierFree(both, 1.0)(x, t, KNOWN), tilted(x, t), rtol=1e-2)


def test_states_that_only_one_law_has_never_come() -> None:
    process = CTMC(Finite(1, 4), rates.Absorbing(4))
    told, untold = (torch.tensor([[[0.5, 0.5, 0.0, 0.0]]]), torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]))
    x, t = torch.tensor([[3]]), torch.tensor(0.5)
    assert process.tilted(told, untold, x, t, 2.0).tolist() == [[[0.0, 1.0, 0.0, 0.0]]]
    assert torch.equal(process.tilted(told, told[..., [2, 3, 0, 1]], x, t, 2.0), told), "nothing in common: as told"
    rare = torch.tensor([[[1e-30, 1.0, 0.0, 0.0]]])
    assert process.tilted(told, rare, x, t, 5.0).tolist() == [[[1.0, 0.0, 0.0, 0.0]]], "where powers overflow"


def test_draws_of_one_site_follow_the_tilted_law(rng: torch.Generator) -> None:
    process = CTMC(Finite(1, 4), rates.Absorbing(4))
    states, given, plain = torch.arange(3)[:, None], torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.3, 0.3, 0.4])
    both = Two(Exact(process, states, given), Exact(process, states, plain))
    x = FirstHitting(ClassifierFree(both, 2.0)).sample(4000, rng, KNOWN)
    tilted = given**2 / plain
    assert_frequencies(torch.bincount(x[:, 0], minlength=3), tilted / tilted.sum())


@pytest.mark.parametrize("process", [PureDeath(Counts(1), mean=3.0), ImmigrationDeath(Counts(1), mean=3.0)])
def test_of_counts_its_rates_back_are_those_of_the_tilted_noisy_law(process: Any) -> None:
    """K(x, y) = A(y, x) q(y) / q(x): deaths forward undo births, and arrivals deaths."""
    told, untold = (Exact(process, torch.tensor(atoms)[:, None]) for atoms in ([4, 7, 9], [2, 3, 5, 8, 12]))
    t, w, x = torch.tensor(0.5, dtype=FLOAT64), 1.5, torch.tensor([[1], [2], [4]])
    death, birth = process.reverse(x, ClassifierFree(Two(told, untold), w)(x, t, KNOWN), t).rates[:, 0].unbind(-1)

    def ratio(change: int) -> torch.Tensor:
        logs = (law.log_prob(x + change, t) - law.log_prob(x, t) for law in (told, untold))
        first, second = logs
        return (w * first + (1 - w) * second).exp()

    forward = process.forward(x + 1, t).rates[:, 0, 0], process.forward(x - 1, t).rates[:, 0, 1]
    torch.testing.assert_close(birth, forward[0] * ratio(1), rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(death, forward[1] * ratio(-1), rtol=1e-5, atol=1e-8)


def test_of_any_jumps_it_is_the_ratios_of_the_tilted_law() -> None:
    process = JumpProcess(Finite(1, 2), lambda x, t: torch.ones(*x.shape, 2), lambda n: None)  # type: ignore[arg-type, return-value]
    told, untold = torch.tensor([[[1.0, 4.0]]]), torch.tensor([[[1.0, 2.0]]])
    assert process.tilted(told, untold, torch.tensor([[0]]), torch.tensor(0.5), 2.0).tolist() == [[[1.0, 8.0]]]


def test_questions_and_products_are_guided_too(rng: torch.Generator) -> None:
    process = product({"a": edm(Euclidean(1)), "b": CTMC(Finite(1, 3), rates.Absorbing(3))})
    points = {"a": torch.tensor([[-1.0], [1.0]]), "b": torch.tensor([[0], [1]])}
    whole = Answering(Exact(process, points))
    asked, given = ({"a": torch.tensor([[a]]), "b": torch.tensor([[not a]])} for a in (True, False))
    asks = denoisers.question(process, asked, given, {name: part[:1] for name, part in points.items()})
    guided = ClassifierFree(whole, 2.0, UNKNOWN)
    state = {"a": torch.tensor([[0.3]]), "b": torch.tensor([[2]])}
    found, plain = (one(state, torch.tensor(0.5), asks | {"cond": KNOWN}) for one in (guided, whole))
    torch.testing.assert_close(found, plain)  # which heeds no condition
    assert guided.asked(asks)["a"].all()


def test_what_cannot_be_guided_is_refused() -> None:
    class Mine(Process[Any]):
        space = Euclidean(1)

        def forward(self, x: Any, t: Any) -> Any: ...
        def prior(self, n: int) -> Any: ...
        def reverse(self, x_t: Any, stat: Any, t: Any, *, churn: float = 1.0) -> Any: ...
        @property
        def head(self) -> Any: ...

    one = Two(Exact(edm(Euclidean(1)), torch.zeros(1, 1)), Exact(edm(Euclidean(1)), torch.zeros(1, 1)))
    one.process = Mine()
    with pytest.raises(InputError, match=r"classifier-free guidance needs a process whose noisy laws can be tilted"):
        ClassifierFree(one, 2.0)
