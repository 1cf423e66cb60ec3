"""The simulators of the benchmark against its references, and the classifier that judges draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import sbibm, sbibm_peers
from experiments.base import Setting
from experiments.c2st import c2st
from experiments.sbibm_tasks import SLCP, BernoulliGLM, GaussianLinear, References, Task, TwoMoons, tasks
from unnoise._errors import InputError
from unnoise.testing import assert_frequencies, assert_mean

NAMES = ("two_moons", "slcp", "gaussian_linear", "gaussian_linear_uniform", "bernoulli_glm")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def setting(shared_data: Path) -> Setting:
    return Setting(data=shared_data)


@pytest.mark.parametrize("place", range(5), ids=NAMES)
def test_reference_draws_follow_the_posterior(setting: Setting, place: int) -> None:
    """E[phi score + div phi] = 0 under a density; phi fades at the ends of a uniform prior."""
    task = tasks(setting)[place]
    references = References.read(setting, task.name)
    assert references.draws.shape == (10, 10_000, task.dim)
    if isinstance(task, TwoMoons):
        pytest.skip("its density jumps; see the test of its moons")
    if isinstance(task, BernoulliGLM):
        task = BernoulliGLM(task.design.double())
    theta = references.draws[0].double().requires_grad_()
    log_prob = task.log_posterior(theta, references.observations[0].double().expand(10_000, -1))
    assert log_prob.isfinite().all()
    (score,) = torch.autograd.grad(log_prob.sum(), theta)
    centre = theta - theta.mean(0)
    fading = torch.ones_like(theta) if task.bound is None else task.bound**2 - theta**2
    slope = fading if task.bound is None else fading - 2 * theta * centre
    assert_mean((centre * fading * score + slope).detach(), tolerance=0.02 * float(fading.detach().mean()))
    assert_mean((fading * score + (0 if task.bound is None else -2 * theta)).detach(), tolerance=0.05)


def test_reference_draws_of_two_moons_lie_on_both(setting: Setting) -> None:
    """Radii are N(0.1, 0.01^2) on the right side; half of the draws are in either moon."""
    task, references = TwoMoons(), References.read(setting, "two_moons")
    theta = references.draws[0].double()
    x = references.observations[0].double()
    point = x - task._shift(theta) - torch.tensor([0.25, 0.0])
    assert (point[:, 0] > -1e-6).all()
    assert_mean(point.norm(dim=1) - 0.1, tolerance=2e-4)
    assert_mean((point.norm(dim=1) - 0.1).square() - 1e-4, tolerance=3e-6)
    upper = int((theta.sum(1) > 0).sum())
    assert_frequencies(torch.tensor([upper, 10_000 - upper]), torch.tensor([0.5, 0.5]))
    assert task.log_posterior(theta, x.expand(10_000, -1)).isfinite().all()
    assert task.log_posterior(theta[:1] + 0.5, x[None]).item() < task.log_posterior(theta[:1], x[None]).item()


def test_gaussian_linear_has_its_posterior_in_closed_form(setting: Setting) -> None:
    references = References.read(setting, "gaussian_linear")
    assert_mean(references.draws[0].double() - references.observations[0].double() / 2)
    task = GaussianLinear()
    theta, x = task.simulations(20_000, rng())
    assert_mean((x - theta).square().double() - 0.1)
    assert_mean(theta.square().double() - 0.1)


def test_a_wrong_posterior_is_told_from_the_references(setting: Setting) -> None:
    """The twin of the test above: half the noise."""
    references = References.read(setting, "gaussian_linear")
    theta = references.draws[0].double()
    wrong = -10 * (references.observations[0] - theta) - 10 * theta
    moments = ((theta - theta.mean(0)) * 2 * wrong + 1).mean(0)
    assert moments.abs().max() > 0.5


def test_simulators_draw_from_their_densities() -> None:
    """Moments of x given theta: four points of a normal law, and sums of spikes."""
    theta = torch.tensor([[1.0, -2.0, 1.2, -0.8, 0.4]]).expand(20_000, -1)
    points = SLCP().simulate(theta, rng()).reshape(-1, 4, 2).double()
    off = points - torch.tensor([1.0, -2.0])
    assert_mean(off.reshape(-1, 2))
    assert_mean(off[..., 0].square() - 1.2**4)
    assert_mean(off[..., 1].square() - 0.8**4)
    assert_mean(off.prod(-1) - 1.2**2 * 0.8**2 * np.tanh(0.4))
    task = BernoulliGLM(torch.tensor([[1.0, 2.0]]).expand(100, -1))
    x = task.simulate(torch.tensor([[0.3, 0.1]]).expand(5000, -1), rng(1)).double()
    assert_mean(x[:, 0] / 100 - float(torch.sigmoid(torch.tensor(0.5))))


def test_the_classifier_gives_a_half_to_equals_and_more_to_others() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 500, 1))
    assert abs(c2st(a, b) - 0.5) < 0.07
    assert c2st(a, b + 1.0) > 0.62
    assert c2st(a, b + 9.0) == 1.0
    with pytest.raises(InputError, match="two of equal width"):
        c2st(a, a[:, 0])


@pytest.mark.slow
def test_it_agrees_with_the_classifier_of_the_benchmark() -> None:
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    a, b = np.random.default_rng(1).normal(size=(2, 400, 1))
    b = 2 * b + 0.5
    both, drawn = np.concatenate([a, b]), np.repeat([0, 1], 400)
    both = (both - a.mean(0)) / a.std(0, ddof=1)
    network = MLPClassifier((10, 10), max_iter=10_000, random_state=1)
    theirs = cross_val_score(network, both, drawn, cv=KFold(5, shuffle=True, random_state=1)).mean()
    assert abs(c2st(a, b) - theirs) < 0.04


def test_draws_outside_the_prior_are_drawn_anew() -> None:
    theta, x = Wide().simulations(80, rng())
    drawn = sbibm.by_model(Wide(), theta, x, 0, steps=2).draw(x[0].numpy(), 200, 0)
    assert drawn.shape == (200, 2)
    assert (np.abs(drawn) <= 1).all()


def test_a_set_of_points_is_one_observation() -> None:
    theta, x = SLCP().simulations(80, rng())
    drawn = sbibm.by_model(SLCP(), theta, x, 0, steps=2, points=4).draw(x[0].numpy(), 50, 0)
    assert drawn.shape == (50, 5)
    assert (np.abs(drawn) <= 3).all()


@pytest.mark.parametrize("points", [None, 4])
def test_a_posterior_is_asked_for_what_was_observed(points: int | None) -> None:
    theta, x = SLCP().simulations(80, rng())
    drawn = sbibm.by_posterior(SLCP(), theta, x, 0, steps=2, points=points).draw(x[0].numpy(), 50, 0)
    assert drawn.shape == (50, 5)
    assert (np.abs(drawn) <= 3).all()


class Wide(TwoMoons):
    """A prior whose model has draws far outside."""

    def simulate(self, theta: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        return torch.randn(theta.shape, generator=rng)


def test_peers_know_the_prior_and_say_where_they_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbibm_peers.importlib.util, "find_spec", lambda name: None)
    assert "sbi is not installed" in sbibm_peers.missing()
    assert set(sbibm_peers.peers(SLCP())) == {"NPE", "NPSE"}
    every: list[Task] = [TwoMoons(), SLCP(), GaussianLinear(), GaussianLinear(bounded=True)]
    assert [task.bound for task in every] == [1.0, 3.0, None, 1.0]


def test_what_an_interrupted_run_has_measured_is_read_by_the_next(tmp_path: Path) -> None:
    setting, sizes, runs = Setting(cache=tmp_path), sbibm.Sizes(), []

    def judge() -> sbibm.Judged:
        runs.append(1)
        return sbibm.Judged([0.5, 0.625], (3.0, 1.5), np.arange(6.0).reshape(3, 2), "ended")

    first, second = (sbibm.once("two moons, 64", judge, setting, sizes) for _ in range(2))
    assert runs == [1]
    assert second.numbers("n") == first.numbers("n")
    assert np.array_equal(second.first, first.first)
    assert second.words == "ended"
    sbibm.once("two moons, 64", judge, Setting(cache=tmp_path, seed=1), sizes)
    assert runs == [1, 1]  # another seed is another run
