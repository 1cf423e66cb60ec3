"""What the comparison of samplers rests on: the mode, the curvature there, and Monte Carlo errors."""

from __future__ import annotations

import pytest
import torch

from experiments import posterior_logistic as experiment


@pytest.fixture(scope="module")
def split() -> experiment.Split:
    return experiment.Split.drawn(torch.Generator().manual_seed(0))


def test_a_fifth_of_the_cases_is_held_out(split: experiment.Split) -> None:
    assert (len(split.labels), len(split.target.labels)) == (114, 455)
    rows = torch.cat([split.features, split.target.features])
    assert len(rows.unique(dim=0)) == 569


def test_laplace_is_the_mode_and_the_curvature_there(split: experiment.Split) -> None:
    mode, covariance = experiment.laplace(split.target)
    assert float(split.target.score(mode[None]).abs().max()) < 1e-9
    hessian = torch.autograd.functional.hessian(lambda w: split.target.log_prob(w[None])[0], mode)
    torch.testing.assert_close(covariance @ -hessian, torch.eye(31, dtype=torch.float64), atol=1e-8, rtol=0)


@pytest.mark.parametrize("shape", [(50, 40, 3), (1, 2000, 3)])
def test_the_error_of_independent_draws_is_that_of_their_number(shape: tuple[int, int, int]) -> None:
    kept = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    mean, error = experiment.Draws(kept).mean(lambda x: x)
    torch.testing.assert_close(error, torch.full_like(error, 2000**-0.5), rtol=0.2, atol=0)
    assert float((mean / error).abs().max()) < 4.5


def test_chains_that_remember_have_a_larger_error() -> None:
    steps = torch.randn(400, 10, 2, generator=torch.Generator().manual_seed(0))
    for i in range(1, len(steps)):
        steps[i] = 0.9 * steps[i - 1] + (1 - 0.9**2) ** 0.5 * steps[i]
    _, error = experiment.Draws(steps).mean(lambda x: x)
    # (1 + 0.9) / (1 - 0.9) = 19 draws are worth one
    torch.testing.assert_close(error, torch.full_like(error, (19 / 4000) ** 0.5), rtol=0.4, atol=0)


def test_another_law_is_seen_and_the_same_one_is_not() -> None:
    rng = torch.Generator().manual_seed(0)
    reference, same = (experiment.Draws(torch.randn(200, 20, 31, generator=rng)) for _ in range(2))
    found = experiment._compared("same", same, reference)
    assert found["same_mean_z_worst"] < 5
    assert found["same_variance_z_worst"] < 5
    assert experiment._compared("moved", experiment.Draws(same.kept + 0.2), reference)["moved_mean_z_worst"] > 5
    assert experiment._compared("wide", experiment.Draws(same.kept * 1.2), reference)["wide_variance_z_worst"] > 5
