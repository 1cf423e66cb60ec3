"""Answers to questions: closed forms of Gaussian mixtures, what is refused, what an answer costs, numbers at edges."""

from __future__ import annotations

import pytest
import torch
from asked import FLOAT64, SPLITS, conditional, mixture, splits

from unnoise import _tree, denoisers, heads, networks, processes, spaces
from unnoise._errors import InputError
from unnoise.denoisers import Answering, AnyQuestion, Exact, ExactMixture, Guided, Roles, question
from unnoise.denoisers.likelihoods import noisy
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.processes import (
    CTMC,
    Brownian,
    DiffusionProcess,
    ImmigrationDeath,
    PureDeath,
    WrightFisher,
    product,
    rates,
    variance_preserving,
)
from unnoise.samplers import Ancestral, Euler, Heun, Multistep
from unnoise.spaces import Counts, Euclidean, Finite, Simplex, Sphere, Torus

LAW = mixture()
PROCESS = variance_preserving(Euclidean(3))
EXACT = ExactMixture(PROCESS, LAW)
ANSWERING = Answering(EXACT)
N = len(SPLITS)
T = torch.tensor(0.4, dtype=FLOAT64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def asks(x, process=PROCESS, cond=None):
    asked, given = splits(len(x))
    return question(process, asked, given, x, cond)


@pytest.fixture
def x_0():
    return LAW.sample(seeded(), (N,))


class Counting(AnyQuestion):
    """Counts the rows that a denoiser is asked for, and the calls."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser, self.process, self.calls, self.rows = denoiser, denoiser.process, 0, 0

    def _counted(self, x):
        self.calls, self.rows = self.calls + 1, self.rows + _tree.length(x)

    def forward(self, x_t, t, cond=None):
        self._counted(x_t)
        return self.denoiser(x_t, t, cond)

    def answer(self, x, t, roles, cond=None):
        self._counted(x)
        return self.denoiser.answer(x, t, roles, cond)


class TestQuestion:
    ASKED = torch.tensor([[True, False, False]])

    @pytest.mark.parametrize(
        ("asked", "given", "match"),
        [
            (ASKED, ASKED, "got a cell that is both asked and given; expected one of them"),
            (~ASKED & ASKED, ASKED, "asks nothing in row 0; expected at least one cell that is not given"),
            (ASKED.double(), ~ASKED, r"got asked = shape \(1, 3\) in torch.float64; expected bool .* \(2, 3\)"),
            (ASKED, ASKED[:, :2], r"got given = shape \(1, 2\) in torch.bool; expected bool numbers of shape \(2, 3\)"),
            (ASKED.expand(3, 3), ~ASKED, r"got asked = shape \(3, 3\)"),
            ({"a": ASKED}, ~ASKED, "got asked = .*; expected bool numbers"),
            (None, ~ASKED, "got asked = None; expected bool numbers"),
        ],
        ids=["both", "nothing", "numbers", "cells", "rows", "tree", "none"],
    )
    def test_what_is_no_question_is_refused(self, asked, given, match):
        with pytest.raises(InputError, match=match):
            question(PROCESS, asked, given, torch.zeros(2, 3))

    def test_the_factor_of_a_product_is_named(self):
        process = product({"a": PROCESS, "b": product({"c": CTMC(Finite(2, 3), rates.UniformRates(3))})})
        values = {"a": torch.zeros(1, 3), "b": {"c": torch.zeros(1, 2, dtype=torch.int64)}}
        asked, word = self.ASKED, torch.tensor([[True, False]])
        with pytest.raises(InputError, match=r"both asked and given in 'b.c'"):
            question(process, {"a": asked, "b": {"c": word}}, {"a": ~asked, "b": {"c": word}}, values)
        with pytest.raises(InputError, match=r"got given in 'b.c' = None; expected bool numbers of shape \(1, 2\)"):
            question(process, {"a": asked, "b": {"c": word}}, {"a": ~asked}, values)

    def test_a_row_may_ask_in_any_factor(self):
        process = product({"a": Brownian(Sphere(2)), "b": variance_preserving(Euclidean(1))})
        values = {"a": Sphere(2).scattered(2, seeded()), "b": torch.zeros(2, 1, dtype=FLOAT64)}
        ball, line = torch.tensor([True, False]), torch.tensor([[False], [True]])
        found = question(process, {"a": ball, "b": line}, {"a": ~ball, "b": ~line}, values)
        assert found["asked"]["a"].tolist() == [True, False]
        with pytest.raises(InputError, match="asks nothing in row 1"):
            question(process, {"a": ball, "b": ~line & line}, {"a": ~ball, "b": line}, values)

    def test_values_must_be_data(self):
        with pytest.raises(InputError, match="NaN or infinite"):
            question(PROCESS, self.ASKED, ~self.ASKED, torch.full((1, 3), torch.nan))

    def test_a_process_without_a_kernel_is_refused(self):
        own = DiffusionProcess(Euclidean(3), lambda x, t: -x, lambda t: 1 + 0 * t, PROCESS.prior)
        with pytest.raises(InputError, match="a question needs a process whose kernel is known"):
            question(own, self.ASKED, ~self.ASKED, torch.zeros(1, 3))

    def test_a_denoiser_that_cannot_be_told_roles_is_refused(self):
        with pytest.raises(InputError, match="denoiser"):
            Answering(Guided(EXACT, noisy(torch.zeros(3), 1.0)))

    def test_no_rows(self):
        asked = torch.zeros(0, 3, dtype=torch.bool)
        cond = question(PROCESS, asked, asked, torch.zeros(0, 3, dtype=FLOAT64))
        assert Multistep(ANSWERING).sample(0, seeded(), cond).shape == (0, 3)
        assert len(Bound()(ANSWERING, torch.zeros(0, 3, dtype=FLOAT64), seeded(), cond).log_prob) == 0


class TestAnswering:
    @pytest.mark.parametrize("time", [0.0, 0.05, 0.4, 1.0])
    def test_the_mean_of_a_mixture_is_that_of_the_conditional_mixture(self, x_0, time):
        """Every split of three cells, one in each row."""
        t, cond = torch.tensor(time, dtype=FLOAT64), asks(x_0)
        x_t = PROCESS.marginal(x_0, t).sample(seeded(1))
        found = ANSWERING(x_t, t, cond)
        alpha, sigma = PROCESS.alpha_sigma(torch.zeros((), dtype=FLOAT64))
        for row, (asked, given) in enumerate(zip(cond["asked"], cond["given"], strict=True)):
            law = conditional(LAW, asked, given, x_0[row] / alpha, float((sigma / alpha) ** 2))
            alone = ExactMixture(variance_preserving(Euclidean(int(asked.sum()))), law)
            torch.testing.assert_close(found[row, asked], alone(x_t[row, asked][None], t)[0], rtol=1e-7, atol=1e-7)
            assert torch.equal(found[row, ~asked], x_0[row, ~asked])

    def test_times_and_questions_of_rows_are_their_own(self, x_0):
        t, cond = torch.linspace(0, 1, N, dtype=FLOAT64), asks(x_0)
        found = ANSWERING(x_0, t, cond)
        for row in range(N):
            alone = _tree.map(lambda leaf, row=row: leaf[row : row + 1], cond)
            torch.testing.assert_close(found[row : row + 1], ANSWERING(x_0[row : row + 1], t[row], alone))

    @pytest.mark.parametrize("make", [ExactMixture, Exact], ids=lambda make: make.__name__)
    def test_one_question_serves_all_rows(self, x_0, make, monkeypatch):
        monkeypatch.setattr("unnoise.denoisers.exact.NUMBERS_AT_ONCE", 300)  # in groups
        denoiser = Answering(make(PROCESS, LAW if make is ExactMixture else LAW.sample(seeded(3), (20,))))
        one = question(PROCESS, torch.tensor([[True, False, False]]), torch.tensor([[False, True, False]]), x_0[:1])
        many = _tree.map(lambda leaf: leaf.expand(N, 3), one)
        for t in (T, torch.linspace(0, 1, N, dtype=FLOAT64)):
            torch.testing.assert_close(denoiser(x_0, t, one), denoiser(x_0, t, many), rtol=1e-12, atol=1e-12)
        assert denoiser.asked(one) is not None
        sampled = (Multistep(denoiser, 5).sample(N, seeded(), cond) for cond in (one, many))
        torch.testing.assert_close(*sampled, rtol=1e-12, atol=1e-12)

    def test_without_a_question_all_is_asked(self, x_0):
        assert torch.equal(ANSWERING(x_0, T), EXACT(x_0, T))
        everything = torch.ones(N, 3, dtype=torch.bool)
        whole = question(PROCESS, everything, ~everything, x_0)
        torch.testing.assert_close(ANSWERING(x_0, T, whole), EXACT(x_0, T), rtol=1e-10, atol=1e-10)
        assert ANSWERING.asked(None) is None

    def test_masks_that_were_cast_with_numbers_are_masks(self, x_0):
        cond = asks(x_0)
        cast = _tree.map(torch.Tensor.double, cond)
        assert torch.equal(ANSWERING(x_0, T, cast), ANSWERING(x_0, T, cond))
        assert ANSWERING.asked(cast).dtype == torch.bool

    def test_what_rows_are_conditioned_on_besides_reaches_the_denoiser(self, x_0):
        class Heard(Counting):
            def answer(self, x, t, roles, cond=None):
                self.heard = cond
                return super().answer(x, t, roles, cond)

        heard = Heard(EXACT)
        besides = torch.arange(N, dtype=FLOAT64)[:, None]
        Answering(heard)(x_0, T, asks(x_0, cond=besides))
        assert torch.equal(heard.heard, besides)

    def test_known_cells_and_their_times(self):
        asked, given = torch.tensor([[True, False, False]]), torch.tensor([[False, True, False]])
        roles = Roles(asked, given)
        assert roles.known.tolist() == [[True, True, False]]
        assert roles.times(torch.tensor([0.5])).tolist() == [[0.5, 0.0, 0.5]]

    def test_no_gradient_passes_through_a_target(self):
        process, off = Brownian(Torus(2)), torch.tensor([[True, False]])
        angles = torch.tensor([[0.3, 1.0], [-1.0, 2.0]], dtype=FLOAT64)
        cond = question(process, off, ~off, angles)
        x = torch.zeros(2, 2, dtype=FLOAT64, requires_grad=True)
        found = Answering(Exact(process, angles))(x, T, cond)
        (slope,) = torch.autograd.grad(found.square().sum(), x)
        assert not slope[:, 1].any()
        assert slope[:, 0].all()

    def test_guidance_passes_questions_on(self, x_0):
        guided, cond = Guided(ANSWERING, noisy(torch.zeros(3, dtype=FLOAT64), 0.5)), asks(x_0)
        found = guided(x_0, T, cond)
        rest = ~cond["asked"]
        assert torch.equal(found[rest], x_0[rest])
        assert not torch.allclose(found[~rest], ANSWERING(x_0, T, cond)[~rest], atol=0.01)
        assert torch.equal(guided.asked(cond), cond["asked"])

    def test_single_precision_answers_too(self, x_0):
        rough = Answering(ExactMixture(PROCESS, LAW).float())
        cond = _tree.map(lambda leaf: leaf.float() if leaf.is_floating_point() else leaf, asks(x_0))
        found = rough(x_0.float(), T.float(), cond)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), ANSWERING(x_0, T, asks(x_0)), rtol=1e-3, atol=1e-3)


class TestCost:
    """A question makes no more evaluations than the joint law, and of no more rows."""

    @pytest.mark.parametrize("make", [Multistep, Heun, Ancestral, Euler], ids=lambda make: make.__name__)
    @pytest.mark.parametrize("one", [True, False], ids=["one question", "a question for each row"])
    def test_samplers(self, make, one, x_0):
        cond = asks(x_0)
        cond = _tree.map(lambda leaf: leaf[:1], cond) if one else cond
        joint, asked = Counting(EXACT), Counting(EXACT)
        make(Answering(joint), 6).sample(N, seeded())
        make(Answering(asked), 6).sample(N, seeded(), cond)
        assert (asked.calls, asked.rows) == (joint.calls, joint.rows) != (0, 0)

    def test_bounds(self, x_0):
        joint, asked = Counting(EXACT), Counting(EXACT)
        Bound(draws=4)(Answering(joint), x_0, seeded())
        Bound(draws=4)(Answering(asked), x_0, seeded(), asks(x_0))
        assert (asked.calls, asked.rows) == (joint.calls, joint.rows) == (1, 4 * N)


class Spoilt(Counting):
    """NaN in all cells that are not asked."""

    def answer(self, x, t, roles, cond=None):
        stat = super().answer(x, t, roles, cond)
        return _tree.map(lambda mask, leaf: torch.where(_tree.expand(mask, leaf), leaf, torch.nan), roles.asked, stat)


class TestNumbersAtEdges:
    def test_a_nan_in_a_cell_that_is_not_asked_reaches_nothing(self, x_0):
        spoilt, cond = Answering(Spoilt(EXACT)), asks(x_0)
        assert spoilt(x_0, T, cond).isfinite().all()
        x = x_0.clone().requires_grad_()
        (slope,) = torch.autograd.grad((spoilt(x, T, cond) ** 2).sum(), x)
        assert slope.isfinite().all()
        assert not slope[~cond["asked"]].any()
        exact, found = (Bound(draws=8)(one, x_0, seeded(), cond).log_prob for one in (ANSWERING, spoilt))
        torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("given", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["given", "unknown"])
    def test_points_opposite_to_all_atoms(self, given):
        """What is given, or stands in an unknown cell, has an antipode for its score, at all times."""
        process = product({"ball": Brownian(Sphere(2)), "angle": Brownian(Torus(1))})
        north = torch.tensor([[0.0, 0.0, 1.0]], dtype=FLOAT64)
        atoms = {"ball": north.expand(2, 3), "angle": torch.tensor([[0.5], [-1.0]], dtype=FLOAT64)}
        denoiser, off = Answering(Exact(process, atoms)), torch.zeros(1, dtype=torch.bool)
        values = {"ball": -north, "angle": atoms["angle"][:1]}
        asked, others = {"ball": off, "angle": ~off[:, None]}, {"ball": ~off if given else off, "angle": off[:, None]}
        cond = question(process, asked, others, values)
        found = Euler(denoiser, 20).sample(1, seeded(), cond)
        assert float(torch.cdist(found["angle"], atoms["angle"]).min()) < 0.05
        torch.testing.assert_close(found["ball"], -north, atol=1e-5, rtol=0)
        flow = ProbabilityFlow(tolerance=0.01)(denoiser, values, seeded(), cond)
        bound = Bound(draws=16)(denoiser, values, seeded(), cond)
        assert flow.log_prob.isfinite().all()
        assert bound.log_prob.isfinite().all()

    @pytest.mark.slow
    def test_corners_of_a_simplex_are_given(self):
        process = product({"shares": WrightFisher(Simplex(3)), "x": variance_preserving(Euclidean(1))})
        corners = torch.eye(3, dtype=FLOAT64)
        atoms = {"shares": corners, "x": torch.tensor([[1.0], [0.0], [-1.0]], dtype=FLOAT64)}
        whole, none = torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)
        cond = question(process, {"shares": none, "x": whole[:, None]}, {"shares": whole, "x": none[:, None]}, atoms)
        found = Euler(Answering(Exact(process, atoms)), 30).sample(3, seeded(), cond)
        torch.testing.assert_close(found["x"], atoms["x"], atol=1e-3, rtol=0)
        torch.testing.assert_close(found["shares"], corners, atol=1e-3, rtol=0)

    @pytest.mark.parametrize("make", [PureDeath, ImmigrationDeath], ids=lambda make: make.__name__)
    def test_counts_end_where_they_were_given_also_below_where_they_began(self, make):
        """Nothing was counted, and the run starts at five."""
        process = make(Counts(2), mean=3.0)
        denoiser = Answering(Exact(process, torch.tensor([[0, 7], [4, 2]])))
        first = torch.tensor([[True, False]]).expand(50, 2)
        cond = question(process, ~first, first, torch.tensor([[0, 9]]).expand(50, 2))
        start = torch.full((50, 2), 5)
        start[:, 1] = 0
        found = Euler(denoiser, 60).run(start, seeded(), cond)
        assert (found[:, 0] == 0).all()
        assert float((found[:, 1] == 7).double().mean()) > 0.7

    def test_an_unknown_site_may_hold_any_letter(self):
        """Its mask is put in, and what it says is nothing."""
        process = CTMC(Finite(2, 4), rates.Absorbing(4))
        words = torch.tensor([[0, 1], [1, 2]])
        denoiser, mask = Answering(Exact(process, words)), torch.tensor([[True, False]])
        for letter in range(3):
            cond = question(process, mask, mask & ~mask, torch.tensor([[0, letter]]))
            stat = denoiser(torch.tensor([[3, 2]]), torch.tensor(0.5), cond)
            torch.testing.assert_close(stat[0, 0], torch.tensor([0.5, 0.5, 0.0, 0.0]))


@pytest.mark.gpu
def test_questions_on_an_accelerator(x_0):
    device = torch.accelerator.current_accelerator()
    cond = _tree.map(lambda leaf: leaf.to(device, torch.float32 if leaf.is_floating_point() else None), asks(x_0))
    denoiser = Answering(ExactMixture(PROCESS, LAW).float()).to(device)
    found = Multistep(denoiser).sample(N, torch.Generator(device).manual_seed(0), cond)
    kept = ~cond["asked"]
    assert torch.equal(found[kept], cond["values"][kept])
    assert Bound(draws=8)(denoiser, found, torch.Generator(device).manual_seed(0), cond).log_prob.isfinite().all()


def test_a_network_sees_nothing_of_unknown_cells_nor_of_the_noise_on_given_ones() -> None:
    """What must not matter is changed, and answers stay; what matters is changed, and they do not."""
    process = processes.product(
        {
            "n": processes.variance_preserving(spaces.Euclidean(3)),
            "w": processes.CTMC(spaces.Finite(2, 4), processes.rates.UniformRates(4)),
        }
    )
    head = heads.told(process)
    network = networks.MLP(head.input_shape, 0, head.output_shape, width=16, depth=1)
    torch.nn.init.normal_(network.last.weight, generator=torch.Generator().manual_seed(0))
    answering, rng = (
        denoisers.Answering(denoisers.Neural(process, network, heads.told)),
        torch.Generator().manual_seed(1),
    )
    x, y, values, others = (process.prior(5).sample(rng) for _ in range(4))
    asked = {"n": torch.tensor([[True, False, False]]), "w": torch.tensor([[True, False]])}
    given = {"n": torch.tensor([[False, True, False]]), "w": torch.tensor([[False, False]])}
    t = torch.tensor(0.4)

    def stat(x: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> torch.Tensor:
        masks = {name: {k: v.expand(5, -1) for k, v in m.items()} for name, m in (("asked", asked), ("given", given))}
        found = answering(x, t, masks | {"values": values})
        return torch.cat([found["n"][:, :1], found["w"][:, 0]], 1)

    def mixed(
        mask: dict[str, torch.Tensor], a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        return {name: torch.where(mask[name], a[name], b[name]) for name in a}

    known = stat(x, values)
    torch.testing.assert_close(stat(mixed(asked, x, y), mixed(given, values, others)), known, rtol=0, atol=0)
    assert (stat(mixed(asked, y, x), values) - known).abs().amax() > 1e-3
    assert (stat(x, mixed(given, others, values)) - known).abs().amax() > 1e-3
