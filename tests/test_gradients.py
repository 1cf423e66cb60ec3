"""No mode of torch changes a derivative, nor what is made of derivatives."""

from __future__ import annotations

import pytest
import torch

from unnoise import _gradients
from unnoise.denoisers import Exact, ExactMixture, Guided
from unnoise.evaluation import ImplicitBound, ProbabilityFlow
from unnoise.laws import GaussianMixture
from unnoise.objectives import Implicit
from unnoise.processes import Brownian, variance_preserving
from unnoise.samplers import Perturbed, TwistedSMC
from unnoise.spaces import Diffusion, Euclidean, Sphere
from unnoise.walking import walk

PLANE, GLOBE = Euclidean(2), Sphere(2)
LAW = GaussianMixture(torch.tensor([0.3, 0.7]), torch.tensor([[1.0, 0.0], [-1.0, 0.5]]), torch.eye(2).repeat(2, 1, 1))
LEARNT = ExactMixture(variance_preserving(PLANE), LAW)
POINTS = torch.tensor([[0.5, -1.0], [2.0, 0.3], [0.0, 0.0]])
CORNERS = Exact(Brownian(GLOBE), torch.eye(3))


def log_r(x):
    return -(x**2).sum(-1)


def rng():
    return torch.Generator().manual_seed(0)


def t():
    return torch.tensor(0.5)


def towards_corners(x):
    process = CORNERS.process
    return process.reverse(x, CORNERS(x, t()), t(), churn=0).drift


WAYS = {
    "gradient": lambda x: PLANE.gradient(log_r, x),
    "generator": lambda x: PLANE.apply(Diffusion(x, torch.ones(())), log_r, x),
    "density of a law": lambda x: LAW.score(x),
    "flow": lambda x: ProbabilityFlow()(LEARNT, x, rng()).log_prob,
    "divergence on the globe": lambda x: GLOBE.divergence(towards_corners, GLOBE.project(x @ torch.ones(2, 3) + 1))[1],
    "implicit bound": lambda x: ImplicitBound(2)(LEARNT, x, rng()).log_prob,
    "implicit loss": lambda x: Implicit()(LEARNT, x, None, rng()).value,
    "guided": lambda x: Guided(LEARNT, log_r)(x, t()),
    "perturbed": lambda x: Perturbed(LEARNT, log_r, 10).run(x, rng()),
    "weighed": lambda x: TwistedSMC(LEARNT, log_r, particles=4, steps=10).sample(4, rng()),
}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_mode_changes_what_is_made_of_derivatives(way, mode):
    """In inference mode they would be zero in silence: flows and bounds were nats off."""
    outside = way(POINTS).detach()
    with mode():
        assert torch.equal(way(POINTS), outside)
        assert torch.equal(way(POINTS + 0), outside)  # made in this mode


def test_the_flow_is_right_in_inference_mode():
    with torch.inference_mode():
        found = ProbabilityFlow()(LEARNT, POINTS, rng()).log_prob
    torch.testing.assert_close(found.float(), LAW.log_prob(POINTS), atol=0.02, rtol=0)


@pytest.mark.slow
def test_a_walk_in_inference_mode_is_the_same():
    outside = walk(log_r, dimension=1, n=50)
    with torch.inference_mode():
        inside = walk(log_r, dimension=1, n=50)
    assert torch.equal(inside.draws, outside.draws)
    assert inside.log_z == outside.log_z


def test_a_leaf_has_a_graph_of_its_own():
    x = torch.ones(2, requires_grad=True)
    leaf = _gradients.leaf(2 * x)
    assert leaf.is_leaf
    assert leaf.tolist() == [2.0, 2.0]
