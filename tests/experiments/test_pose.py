"""Views, judges and rivals of the poses."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from experiments import pose
from experiments.harmonics import Harmonics
from experiments.pose_encoder import COMPONENTS, Components
from experiments.pose_flow import Flow
from experiments.pose_judge import Tally, angles, visits_all
from experiments.pose_loss import Denoised, Noise, product, told
from experiments.pose_modes import Weighted, counted, neighbours, right_modes, tops
from experiments.pose_potential import Potentials, Seen
from experiments.pose_rivals import VOLUME, Grid, Single, spiral
from experiments.pose_training import fit
from experiments.pose_views import CAMERA, CAMERAS, NAMES, SHAPE, Views
from experiments.solids import SOLIDS
from unnoise.denoisers.heat_mixture import KernelMixture
from unnoise.evaluation import ProbabilityFlow
from unnoise.processes import Brownian
from unnoise.spaces import Rotations
from unnoise.spaces.rotations import vee
from unnoise.testing import ImprobableError, assert_mean


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
    rotations, cond = views.of(0, both=False)
    with torch.no_grad():
        found = Flow(Potentials.untrained(components), cond).log_prob(rotations) + pose.TO_UNIT
    torch.testing.assert_close(found, torch.full((2,), -math.log(VOLUME)))


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


def turns(count: int, seed: int = 0) -> torch.Tensor:
    """Quaternions (count, 4) in single precision."""
    rotations = Rotations().uniform(count).sample(torch.Generator().manual_seed(seed))
    return Rotations.as_quaternion(rotations).float()


def test_harmonics_turn_as_rotations_do() -> None:
    """D(RS) = D(R) D(S), D of a small turn by the generators, lengths kept; twin: the other order."""
    harmonics, rng = Harmonics(6), torch.Generator().manual_seed(0)
    shapes = torch.randn(20, 3, harmonics.numbers, generator=rng)
    r, s = turns(20)[:, None], turns(20, 1)[:, None]
    by_both = harmonics(product(r, s), shapes)
    after = harmonics(r, harmonics(s, shapes)[:, :, 0])
    torch.testing.assert_close(by_both, after, atol=1e-4, rtol=0)
    assert float((by_both - harmonics(product(s, r), shapes)).abs().max()) > 1
    torch.testing.assert_close(by_both.norm(dim=-1)[..., 0], shapes.norm(dim=-1), atol=1e-4, rtol=1e-5)
    vectors = torch.randn(20, 3, generator=rng)
    matrices = torch.linalg.matrix_exp(torch.einsum("ni,ijk->njk", vectors, harmonics.generators))
    turn = Rotations.as_quaternion(Rotations.from_rotation_vector(vectors))
    expected = shapes @ matrices.mT
    torch.testing.assert_close(harmonics(turn[:, None], shapes)[:, :, 0], expected, atol=1e-4, rtol=0)


def test_degrees_that_the_group_of_a_solid_keeps() -> None:
    """How many functions of each degree are left as they are: of tetrahedron, cube and icosahedron (Bethe 1929)."""
    harmonics = Harmonics(6)
    for name, expected in (
        ("tetrahedron", [0, 0, 1, 1, 0, 2]),
        ("cube", [0, 0, 0, 1, 0, 1]),
        ("icosahedron", [0, 0, 0, 0, 0, 1]),
    ):
        group = SOLIDS[name].group
        assert group is not None
        quaternions = Rotations.as_quaternion(group).float()[None]
        basis = torch.eye(harmonics.numbers)[None]
        mean = harmonics(quaternions, basis).mean(2)[0]  # a projection, row by row
        traces = mean.diagonal() @ harmonics.of_degree
        torch.testing.assert_close(traces, torch.tensor([float(value) for value in expected]), atol=1e-3, rtol=0)


@pytest.fixture(scope="module")
def bent(components: Components) -> Potentials:
    """A denoiser whose law is far from uniform, but smooth."""
    torch.manual_seed(0)
    denoiser = Potentials.untrained(components)
    torch.nn.init.normal_(denoiser.matching.last.weight, std=2e-3)
    return denoiser


def test_the_slope_and_the_laplacian_are_those_of_the_potential(views: Views, bent: Potentials) -> None:
    """By automatic differentiation, in double precision; twin: turns after the pose."""
    denoiser = copy.deepcopy(bent).double()
    rotations, cond = views.batch(torch.arange(len(views)), torch.Generator().manual_seed(0))
    poses = Rotations.as_quaternion(rotations.double())[:, None]
    with torch.no_grad():
        seen = denoiser.seen(cond.double())

    def value(vectors: torch.Tensor, before: bool = True) -> torch.Tensor:
        turn = Rotations.as_quaternion(Rotations.from_rotation_vector(vectors))[:, None]
        moved = product(turn, poses) if before else product(poses, turn)
        return denoiser.at(moved, torch.full((1, 1), 0.01, dtype=torch.float64), seen).value()[:, 0]

    found = denoiser.at(poses, torch.full((1, 1), 0.01, dtype=torch.float64), seen)
    start = torch.full((len(poses), 3), 1e-6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(start).sum(), start, create_graph=True)
    scale = float(slope.detach().abs().max())
    torch.testing.assert_close(found.gradient()[:, 0], slope, atol=1e-3 * scale, rtol=1e-3)
    (after,) = torch.autograd.grad(value(start, before=False).sum(), start)
    assert float((after - slope.detach()).abs().max()) > 0.1 * scale
    step = 1e-3 * torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        sides = [value((sign * step[i]).expand(len(poses), 3)) for i in range(3) for sign in (-1, 1)]
        second = (sum(sides) - 6 * found.value()[:, 0]) / 1e-6
    torch.testing.assert_close(found.laplacian()[:, 0], second, atol=1e-3 * float(second.abs().max()), rtol=1e-3)


def test_the_flow_is_that_of_the_library(views: Views, bent: Potentials) -> None:
    """Log densities in double precision; twin: of other poses."""
    rotations, cond = views.batch(torch.arange(3), torch.Generator().manual_seed(0))
    told_of, code = bent.read(cond)
    expected = ProbabilityFlow(tolerance=1e-5)(told_of, rotations.double(), torch.Generator(), code).log_prob
    with torch.no_grad():
        flow = Flow(bent, cond)
        torch.testing.assert_close(flow.log_prob(rotations).double(), expected, atol=0.02, rtol=1e-3)
        assert float((flow.log_prob(rotations.mT).double() - expected).abs().max()) > 0.1


def test_draws_follow_the_density_of_the_flow(views: Views, bent: Potentials) -> None:
    """The mean potential of draws is that by importance from uniform poses; twin: the uniform mean."""
    rng = torch.Generator().manual_seed(0)
    cond = views.of(3, both=False)[1][:1]
    many = Rotations().uniform(600).sample(rng).float()
    with torch.no_grad():
        flow = Flow(bent, cond)
        (drawn,) = flow.height(flow.sample(600, rng, steps=10)).double()
        (plain,) = flow.height(many[None]).double()
        log_prob = Flow(bent, cond.expand(600, -1)).log_prob(many, steps=10).double()
    share = torch.exp(log_prob + Rotations().log_volume)
    assert_mean(share, 1.0)
    lead = drawn - plain.mean()
    assert_mean(lead - share * (plain - plain.mean()), 0.0)
    with pytest.raises(ImprobableError):
        assert_mean(lead, 0.0)


def test_noise_is_that_of_the_heat_kernel() -> None:
    """The score is its slope at the noisy pose; twin: at the pose before."""
    process, rng = Brownian(Rotations()), torch.Generator().manual_seed(0)
    rotations = Rotations().uniform(50).sample(rng)
    noisy, variance, score = Noise(process, rng, 1000)(Rotations.as_quaternion(rotations).float(), 4, rng)
    moved = Rotations.from_quaternion(noisy.double())
    found = process.space.heat(rotations[:, None], variance.double()).score(moved)
    root = variance.double().sqrt()[..., None]
    expected = root * vee(found @ moved.mT)
    torch.testing.assert_close(root * score.double(), expected, atol=2e-2, rtol=1e-2)
    assert float((root * vee(moved.mT @ found) - expected).abs().max()) > 0.5


def test_what_is_told_of_harmonics_is_the_square_of_the_error() -> None:
    """Written out with D as a matrix."""
    harmonics, rng = Harmonics(3), torch.Generator().manual_seed(0)
    a, v = torch.randn(2, 5, 4, harmonics.numbers, generator=rng)
    poses = turns(5)[:, None]
    matrices = harmonics(poses, torch.eye(harmonics.numbers).expand(5, -1, -1))[:, :, 0].mT
    expected = torch.zeros(5)
    for degree in range(3):
        kept = harmonics.of_degree[:, degree].bool()
        block = matrices[:, kept][:, :, kept]
        error = torch.einsum("nki,nkj->nij", a[..., kept], v[..., kept]) - block
        expected += error.square().sum((1, 2)) - block.square().sum((1, 2))
    seen = Seen(a, v, torch.zeros(5, 1), torch.ones(5, 1))
    found = told(harmonics, seen, harmonics(poses, v)[:, :, 0])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)


def test_training_finds_the_pose(views: Views, components: Components) -> None:
    """Of the few views that it is shown, the density at their poses grows."""
    torch.manual_seed(0)
    denoiser = Potentials.untrained(components)
    loss = Denoised(denoiser, torch.Generator().manual_seed(0), noises=4, kept=2000)
    fit(denoiser, loss, views, 1.0, batch_size=16, rate=3e-3)
    rotations, cond = views.of(0, both=False)
    with torch.no_grad():
        found = Flow(denoiser, cond).log_prob(rotations)
    assert float(found.mean()) > 1 - Rotations().log_volume


def law_of(truths: torch.Tensor, stray: float) -> KernelMixture:
    """Kernels at the truths, two near each, and random ones of so much weight in all."""
    rng, each, many = torch.Generator().manual_seed(0), 2 * len(truths), 150
    nudges = Rotations.from_rotation_vector(0.05 * torch.randn(2, len(truths), 3, generator=rng, dtype=torch.float64))
    centres = torch.cat([*(truths @ nudges), Rotations().uniform(many).sample(rng)])
    weights = torch.tensor([(1 - stray) / each] * each + [stray / many] * many, dtype=torch.float64)
    return KernelMixture(Rotations(), weights.log()[None], centres[None], torch.full_like(weights, 0.04**2)[None])


def drawn_of(law: KernelMixture, count: int) -> Weighted:
    """A law as draws, of even weights, with the logarithm of its density there, up to a constant."""
    draws = law.sample(torch.Generator().manual_seed(2), (count,))[:, 0]
    distance = torch.deg2rad(angles(draws, law.centres[0]))
    heights = torch.logsumexp(law.log_weights - 0.5 * distance**2 / law.times, 1)  # kernels so narrow are normal
    return draws, heights, torch.full((count,), 1 / count, dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES[:3])
def test_modes_are_counted_whatever_lies_between(name: str) -> None:
    """A tenth of the law elsewhere changes no mode; twins: one mode less, one more, and all at another place."""
    group = SOLIDS[name].group
    assert group is not None
    truths = Rotations().uniform(1).sample(torch.Generator().manual_seed(1)) @ group
    law = law_of(truths, 0.1)
    count = 50 * len(truths)
    drawn = drawn_of(law, count)
    assert right_modes(drawn, truths)
    assert not visits_all(angles(drawn[0], truths))
    wrong = Rotations.from_rotation_vector(torch.tensor([0.0, 0.5, 0.0], dtype=torch.float64))
    assert not right_modes(drawn_of(law_of(truths[1:], 0.1), count), truths)
    assert not right_modes(drawn_of(law_of(torch.cat([truths, truths[:1] @ wrong]), 0.1), count), truths)
    assert not right_modes(drawn_of(law_of(truths @ wrong, 0.1), count), truths)


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
