"""Views, judges and rivals of the poses."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import pose
from experiments.pose_judge import Tally, angles, visits_all
from experiments.pose_rivals import VOLUME, Grid, Single, spiral
from experiments.pose_training import fit
from experiments.pose_views import CAMERA, CAMERAS, NAMES, SHAPE, Views
from experiments.solids import SOLIDS
from unnoise.spaces import Rotations


@pytest.fixture(scope="module")
def views() -> Views:
    return Views.drawn(2, torch.Generator().manual_seed(0))


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


def test_the_grid_is_a_density_that_learns_the_truth(views: Views) -> None:
    torch.manual_seed(0)
    grid = Grid(queries=64, fine=256)
    rotations, cond = views.of(0, both=False)
    scores = grid.scores(cond)
    shares = torch.stack([grid.log_prob(r.expand_as(rotations), cond, scores) for r in grid.fine])
    torch.testing.assert_close(shares.exp().mean(0) * VOLUME, torch.ones(2))
    before = grid.log_prob(rotations, cond, scores).mean()
    fit(grid, grid.loss, views, 0.2, batch_size=4, rate=3e-3)
    assert grid.log_prob(rotations, cond, grid.scores(cond)).mean() > before
    assert grid.draws(grid.scores(cond), 3, torch.Generator()).shape == (2, 3, 3, 3)


def test_one_rotation_is_a_rotation(views: Views) -> None:
    found = Single()(views.of(0, both=True)[1])
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


def test_the_model_has_the_uniform_law_at_first(views: Views) -> None:
    """Nearly: its kernels overlap."""
    denoiser = pose.model(64)
    rotations, cond = views.of(0, both=False)
    found = denoiser.law(cond).log_prob(rotations.double()).detach() + pose.TO_UNIT
    assert float((found + math.log(VOLUME)).abs().max()) < 0.7
