"""Views, judges and rivals of the poses."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import pose
from experiments.pose_encoder import COMPONENTS, Components
from experiments.pose_judge import Tally, angles, visits_all
from experiments.pose_loss import log_prob
from experiments.pose_modes import counted, neighbours, of_mixture, right_modes, tops
from experiments.pose_rivals import VOLUME, Grid, Single, spiral
from experiments.pose_training import fit
from experiments.pose_views import CAMERA, CAMERAS, NAMES, SHAPE, Views
from experiments.solids import SOLIDS
from unnoise.denoisers.heat_mixture import KernelMixture
from unnoise.spaces import Rotations


@pytest.fixture(scope="module")
def views() -> Views:
    return Views.drawn(2, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def components(views: Views) -> Components:
    return Components(views)


def test_an_example_is_a_rotation_with_its_own_pictures(views: Views) -> None:
    """By either camera or both; twin: the pictures of another rotation."""
    rotations, cond = views.batch(torch.arange(len(views)).repeat(4), torch.Generator().manual_seed(1))
    pictures = cond[:, : math.prod(SHAPE)].reshape(-1, *SHAPE)
    kinds = set()
    for i in range(0, len(cond), 5):
        solid = SOLIDS[NAMES[int(cond[i, -len(NAMES) :].argmax())]]
        first, second, wrong = (solid.draw(r[None])[0] for r in (rotations[i], CAMERA @ rotations[i], rotations[i].mT))
        both = bool(pictures[i, 1].any())
        kinds.add((both, bool((rotations[i] == views.rotations.flatten(0, 1)).all((-2, -1)).any())))
        assert float((pictures[i, 0] - first).abs().mean()) < 0.01
        if both:
            assert float((pictures[i, 1] - second).abs().mean()) < 0.01
        if not solid.marks:
            assert float((pictures[i, 0] - wrong).abs().mean()) > 0.01
    assert kinds == {(True, True), (False, True), (False, False)}


def test_the_spiral_is_evenly_spread() -> None:
    """Characters of orders 1 and 2 vanish in the mean, and every rotation has a near one."""
    grid = spiral(4000).double()
    assert float(grid.mean(0).abs().max()) < 5e-3
    trace = grid.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert abs(float((trace**2).mean()) - 1) < 0.02
    random = Rotations().uniform(200).sample(torch.Generator().manual_seed(0))
    assert float(angles(random, grid).amin(1).max()) < 16


def test_the_grid_is_a_density_that_learns_the_truth(views: Views, components: Components) -> None:
    torch.manual_seed(0)
    grid = Grid(components, queries=64, fine=256)
    rotations, cond = views.of(0, both=False)
    scores = grid.scores(cond)
    shares = torch.stack([grid.log_prob(r.expand_as(rotations), cond, scores) for r in grid.fine])
    torch.testing.assert_close(shares.exp().mean(0) * VOLUME, torch.ones(2))
    before = grid.log_prob(rotations, cond, scores).mean()
    fit(grid, grid.loss, views, 0.2, batch_size=4, rate=3e-3)
    assert grid.log_prob(rotations, cond, grid.scores(cond)).mean() > before
    assert grid.draws(grid.scores(cond), 3, torch.Generator()).shape == (2, 3, 3, 3)


def test_half_precision_stops_at_the_network(views: Views) -> None:
    """What is trained on are rotations still; twin: one camera's view of them, in half precision."""
    errors, module, eye = [], torch.nn.Linear(3, 1), torch.eye(3)

    def loss(rotations: torch.Tensor, cond: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        halved = (CAMERA @ rotations).float()
        errors.append([float((r.mT @ r - eye).abs().max()) for r in (rotations.double(), halved.double())])
        return module(rotations).float().mean()

    fit(module, loss, views, 1e-3, batch_size=16)
    assert all(kept < 1e-5 and lost > 1e-3 for kept, lost in errors)


def test_one_rotation_is_a_rotation(views: Views, components: Components) -> None:
    found = Single(components)(views.of(0, both=True)[1])
    Rotations().check(found.detach())


def test_modes_are_right_where_all_are_visited_and_little_else() -> None:
    group = SOLIDS["tetrahedron"].group
    assert group is not None
    (rotation,) = Rotations().uniform(1).sample(torch.Generator().manual_seed(0))
    truths = rotation @ group
    even = truths.repeat(20, 1, 1)
    assert visits_all(angles(even, truths))
    assert not visits_all(angles(truths[:11].repeat(20, 1, 1), truths))
    stray = Rotations().uniform(60).sample(torch.Generator().manual_seed(1))
    assert not visits_all(angles(torch.cat([even, stray]), truths))
    few = torch.cat([even, truths[:1].repeat(800, 1, 1)])
    assert not visits_all(angles(few, truths))


def test_spread_is_the_angle_to_the_nearest_truth() -> None:
    solid = SOLIDS["cone"]
    rotations = Rotations().uniform(2).sample(torch.Generator().manual_seed(0))
    assert solid.group is not None
    draws = rotations[:, None] @ solid.group[[3, 100]]
    tilt = Rotations.from_rotation_vector(torch.tensor([math.radians(7.0), 0.0, 0.0], dtype=torch.float64))
    for turn, expected in ((torch.eye(3, dtype=torch.float64), 0.0), (tilt, 7.0)):
        found = Tally.of(solid, rotations, draws @ turn, CAMERAS["one view"]).spread
        assert found == pytest.approx([expected] * 2, abs=0.6)


def test_a_second_camera_tells_what_the_first_cannot() -> None:
    """A mark that only the second camera sees leaves one rotation."""
    solid = SOLIDS["marked tetrahedron"]
    rotations = Rotations().uniform(40).sample(torch.Generator().manual_seed(0))
    by_first, by_any = (solid.shows(rotations, cameras) for cameras in CAMERAS.values())
    only = rotations[~by_first & by_any][0]
    assert len(solid.equivalent(only, CAMERAS["one view"])) > 1
    assert len(solid.equivalent(only, CAMERAS["two views"])) == 1


def test_the_model_has_the_uniform_law_at_first(views: Views, components: Components) -> None:
    """Nearly: its kernels overlap."""
    denoiser = pose.model(components, 64)
    rotations, cond = views.of(0, both=False)
    found = denoiser.law(cond).log_prob(rotations.double()).detach() + pose.TO_UNIT
    assert float((found + math.log(VOLUME)).abs().max()) < 0.7


def test_components_vary_alike_and_do_not_correlate() -> None:
    """As far as the variance that is added lets them; twin: the pixels. No picture gives zeros."""
    rng = torch.Generator().manual_seed(0)
    shades = torch.randint(0, 256, (8, 200, 8, 8), generator=rng).byte()
    pictures = shades.repeat_interleave(4, 2).repeat_interleave(4, 3)  # of 64 numbers, so as many vary
    found = Components(Views(torch.eye(3).expand(8, 200, 3, 3), pictures, pictures))
    flat = pictures.flatten(0, 1)[:, None].float() / 255
    spread = torch.cov(found(flat).T)
    expected = torch.diag(torch.tensor([0.0] * (COMPONENTS - 64) + [1.0] * 64))
    torch.testing.assert_close(spread, expected, atol=0.01, rtol=0)
    assert float((torch.cov(flat.flatten(1).T)[0, :4] - 0.0833).abs().max()) < 0.01
    both = found(torch.cat([flat[:3], torch.zeros(3, 1, 32, 32)], 1))
    assert not both[:, COMPONENTS:].any()
    torch.testing.assert_close(both[:, :COMPONENTS], found(flat[:3]), atol=1e-4, rtol=0)


def test_the_loss_in_single_precision_is_the_log_density(views: Views, components: Components) -> None:
    """Of wide kernels and of narrow ones, and its slope; twin: the law of other rotations."""
    torch.manual_seed(0)
    denoiser = pose.model(components, 64)
    layers = denoiser.network.network.layers
    torch.nn.init.normal_(layers.last.weight, std=0.05)
    rotations, cond = views.batch(torch.arange(len(views)), torch.Generator().manual_seed(0))
    for narrower in (1.0, 2.5):
        with torch.no_grad():
            layers.last.bias.view(64, 5)[:, -1] = 0.2 - narrower
        exact = denoiser.log_prob(rotations, torch.zeros((), dtype=torch.float64), cond, 24)
        found = log_prob(denoiser, rotations, cond, 24)
        torch.testing.assert_close(found.double(), exact, atol=2e-3, rtol=1e-3)
        assert float((log_prob(denoiser, rotations.mT, cond, 24).double() - exact).detach().abs().max()) > 0.1
        slopes = [torch.autograd.grad(value.sum(), layers.last.weight)[0] for value in (exact, found)]
        torch.testing.assert_close(slopes[1], slopes[0], atol=2e-3 * float(slopes[0].abs().max()), rtol=0.02)


def law_of(truths: torch.Tensor, stray: float) -> KernelMixture:
    """Kernels at the truths, two near each, and random ones of so much weight in all."""
    rng, each, many = torch.Generator().manual_seed(0), 2 * len(truths), 150
    nudges = Rotations.from_rotation_vector(0.05 * torch.randn(2, len(truths), 3, generator=rng, dtype=torch.float64))
    centres = torch.cat([*(truths @ nudges), Rotations().uniform(many).sample(rng)])
    weights = torch.tensor([(1 - stray) / each] * each + [stray / many] * many, dtype=torch.float64)
    return KernelMixture(Rotations(), weights.log()[None], centres[None], torch.full_like(weights, 0.04**2)[None])


@pytest.mark.parametrize("name", NAMES[:3])
def test_modes_are_counted_whatever_lies_between(name: str) -> None:
    """A tenth of the law elsewhere changes no mode; twins: one mode less, one more, and all at another place."""
    group = SOLIDS[name].group
    assert group is not None
    truths = Rotations().uniform(1).sample(torch.Generator().manual_seed(1)) @ group
    law = law_of(truths, 0.1)
    assert right_modes(of_mixture(law, 0), truths)
    draws = law.sample(torch.Generator().manual_seed(2), (1000,))[:, 0]
    assert not visits_all(angles(draws, truths))
    wrong = Rotations.from_rotation_vector(torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64))
    assert not right_modes(of_mixture(law_of(truths[1:], 0.1), 0), truths)
    assert not right_modes(of_mixture(law_of(torch.cat([truths, truths[:1] @ wrong]), 0.1), 0), truths)
    assert not right_modes(of_mixture(law_of(truths @ wrong, 0.1), 0), truths)


def test_modes_of_a_grid_are_counted_alike() -> None:
    """Twin: a grid of equal scores but for noise."""
    grid, group = spiral(4000), SOLIDS["tetrahedron"].group
    assert group is not None
    truths = Rotations().uniform(1).sample(torch.Generator().manual_seed(1)) @ group
    noise = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    peaks = 4 - (angles(grid, truths).amin(1).float() / 15) ** 2 + 0.1 * noise
    near = neighbours(grid)
    for scores, right in ((peaks, True), (0.1 * noise, False)):
        assert right_modes((grid, scores, scores.softmax(0)), truths, near) is right


def test_a_top_is_higher_than_all_within_reach_and_holds_what_climbs_to_it() -> None:
    """Points of one axis, 9 degrees apart: two hills."""
    turns = torch.arange(8) * math.radians(9.0)
    points = Rotations.from_rotation_vector(torch.stack([turns, 0 * turns, 0 * turns], -1))
    first, second = neighbours(points)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == [
        (i, j) for i in range(8) for j in range(8) if abs(i - j) <= 2
    ]
    height = torch.tensor([1.0, 3.0, 2.0, 0.0, 0.5, 1.5, 2.5, 1.0])
    found, shares = tops(height, torch.full((8,), 1 / 8), (first, second))
    assert set(found.tolist()) == {1, 6}
    assert float(shares.sum()) == pytest.approx(1.0)
    assert counted(shares) == 2
