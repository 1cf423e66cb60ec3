"""Exact denoisers, against Bayes' rule by brute force, by quadrature, and by differentiating the density."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture, Roles
from unnoise.denoisers import exact as module
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, edm
from unnoise.processes.rates import Absorbing
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
WEIGHTS = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=FLOAT64)
SPREAD = 0.1 * torch.eye(3, dtype=FLOAT64).expand(4, 3, 3)


@pytest.fixture
def atoms(rng):
    return torch.randn(4, 3, generator=rng, dtype=FLOAT64)


@pytest.fixture
def t():
    return torch.tensor([0.02, 0.3, 0.5, 0.7, 0.9, 1.0], dtype=FLOAT64)


@pytest.fixture
def noised(gaussian, atoms, t, rng):
    """The process, and one noised atom at each time."""
    process = gaussian(3)
    return process, process.marginal(atoms[[0, 1, 2, 3, 0, 1]], t).sample(rng)


def bayes(process, atoms, weights, x, t):
    """The posterior mean of one point, in loops."""
    alpha, sigma = process.alpha_sigma(t)
    logs = [
        math.log(w) - float((x - alpha * atom).square().sum() / (2 * sigma**2))
        for w, atom in zip(weights.tolist(), atoms, strict=True)
    ]
    shares = [math.exp(log - max(logs)) for log in logs]
    return sum(share * atom for share, atom in zip(shares, atoms, strict=True)) / sum(shares)


BAD = {
    "length": (torch.zeros(4, 3), torch.ones(3), r"weights of shape \(3,\) and sum 3 for 4 atoms"),
    "sign": (torch.zeros(2, 3), torch.tensor([2.0, -1.0]), "one non-negative weight per atom"),
    "zero": (torch.zeros(2, 3), torch.zeros(2), "sum 0 for 2 atoms"),
    "shape": (torch.zeros(2, 4), None, r"Euclidean expects \(3,\)"),
    "nan": (torch.full((2, 3), torch.nan), None, "NaN or infinite"),
}


class TestExact:
    def test_it_is_bayes_rule_for_every_row_at_its_own_time(self, noised, atoms, t):
        process, x = noised
        expected = torch.stack([bayes(process, atoms, WEIGHTS, x[i], t[i]) for i in range(6)])
        torch.testing.assert_close(Exact(process, atoms, WEIGHTS)(x, t), expected, rtol=1e-10, atol=1e-10)

    def test_one_time_serves_all_rows(self, noised, atoms, t):
        process, x = noised
        denoiser = Exact(process, atoms)
        torch.testing.assert_close(denoiser(x, t[2]), denoiser(x, t[2].expand(6)), rtol=1e-12, atol=1e-12)

    def test_weights_are_normalised_and_uniform_by_default(self, noised, atoms, t):
        process, x = noised
        torch.testing.assert_close(Exact(process, atoms, 7 * WEIGHTS)(x, t), Exact(process, atoms, WEIGHTS)(x, t))
        torch.testing.assert_close(Exact(process, atoms, torch.ones(4))(x, t), Exact(process, atoms)(x, t))

    def test_an_atom_of_weight_zero_does_not_count(self, noised, atoms, t):
        process, x = noised
        weights = torch.tensor([0.0, 1.0, 1.0, 1.0], dtype=FLOAT64)
        torch.testing.assert_close(Exact(process, atoms, weights)(x, t), Exact(process, atoms[1:])(x, t))

    def test_where_no_atom_can_have_come_they_are_as_likely_as_they_were(self):
        """Two letters of different words, both without their mask: a coarse sampler makes such."""
        process, words = CTMC(Finite(2, 4), Absorbing(4)), torch.tensor([[0, 1], [1, 2]])
        weights = torch.tensor([0.25, 0.75])
        found = Exact(process, words, weights)(torch.tensor([[0, 2], [0, 3]]), torch.tensor(0.5))
        torch.testing.assert_close(found[0], torch.tensor([[0.25, 0.75, 0, 0], [0, 0.25, 0.75, 0]]))
        torch.testing.assert_close(found[1], torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]))

    def test_groups_of_rows_change_nothing(self, noised, atoms, t, monkeypatch):
        process, x = noised
        denoiser = Exact(process, atoms, WEIGHTS)
        whole, shared = denoiser(x, t), denoiser(x, t[1])
        monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 4 * 12)  # four of the six rows at once
        assert [len(rows) for rows, _, _ in denoiser._groups(x, t)] == [4, 2]
        torch.testing.assert_close(denoiser(x, t), whole, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(denoiser(x, t[1]), shared, rtol=1e-14, atol=1e-14)
        monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 1)
        torch.testing.assert_close(denoiser(x, t), whole, rtol=1e-14, atol=1e-14)

    def test_tweedie(self, noised, atoms, t):
        """The score is the gradient of the log density of the noised atoms."""
        process, x = noised
        x = x.clone().requires_grad_()
        kernels = process.marginal(atoms[None], t[:, None]).log_prob(x[:, None])
        (gradient,) = torch.autograd.grad(torch.logsumexp(kernels + WEIGHTS.log(), -1).sum(), x)
        score = process.score(x, Exact(process, atoms, WEIGHTS)(x, t), t)
        torch.testing.assert_close(score, gradient, rtol=1e-8, atol=1e-8 * float(gradient.abs().max()))

    def test_the_density_is_that_of_noised_atoms_and_its_gradient_the_score(self, noised, atoms, t):
        process, x = noised
        x = x.clone().requires_grad_()
        kernels = process.marginal(atoms[None], t[:, None]).log_prob(x[:, None])
        expected = torch.logsumexp(kernels + WEIGHTS.log(), -1)
        (gradient,) = torch.autograd.grad(expected.sum(), x)
        denoiser = Exact(process, atoms, WEIGHTS)
        torch.testing.assert_close(denoiser.log_prob(x, t), expected, rtol=1e-10, atol=1e-10)
        score = denoiser.score(x, t)
        torch.testing.assert_close(score, gradient, rtol=1e-8, atol=1e-8 * float(gradient.abs().max()))

    def test_the_density_of_letters(self):
        """Absorbing noise: the word is seen, or half of it, or nothing."""
        process, words = CTMC(Finite(2, 4), Absorbing(4)), torch.tensor([[0, 1], [1, 2]])
        states = torch.cartesian_prod(torch.arange(4), torch.arange(4))
        denoiser = Exact(process, words, torch.tensor([0.25, 0.75]))
        mass = denoiser.log_prob(states, torch.tensor(0.5)).exp()
        assert float(mass.sum()) == pytest.approx(1, abs=1e-6)
        assert float(mass[(states == torch.tensor([2, 2])).all(1)]) == 0
        with pytest.raises(InputError, match=r"a score needs a process .* not CTMC"):
            denoiser.score(states, torch.tensor(0.5))

    def test_events_of_any_shape(self, gaussian, atoms, t, rng):
        images = torch.randn(4, 2, 3, generator=rng, dtype=FLOAT64)
        x = torch.randn(6, 2, 3, generator=rng, dtype=FLOAT64)
        found = Exact(gaussian((2, 3)), images, WEIGHTS)(x, t)
        flat = Exact(gaussian(6), images.flatten(1), WEIGHTS)(x.flatten(1), t)
        torch.testing.assert_close(found.flatten(1), flat, rtol=1e-12, atol=1e-12)

    def test_to_moves_the_atoms(self, atoms, t):
        denoiser = Exact(edm(Euclidean(3)), atoms.float())
        assert denoiser(torch.zeros(6, 3), t.float()).dtype == torch.float32
        assert denoiser.to(FLOAT64) is denoiser
        assert denoiser.atoms.dtype == denoiser.log_weights.dtype == FLOAT64
        assert denoiser(torch.zeros(6, 3, dtype=FLOAT64), t).dtype == FLOAT64

    def test_the_weights_have_the_precision_of_the_atoms(self, atoms):
        """A sampler takes its precision from the denoiser's buffers."""
        assert Exact(edm(Euclidean(3)), atoms).log_weights.dtype == FLOAT64

    @pytest.mark.parametrize(("points", "weights", "message"), BAD.values(), ids=BAD)
    def test_what_is_no_weighted_set_is_refused(self, points, weights, message):
        with pytest.raises(InputError, match=message):
            Exact(edm(Euclidean(3)), points, weights)


@pytest.fixture
def mixture(rng):
    """Three components in R^3 with full covariances."""
    roots = torch.randn(3, 3, 3, generator=rng, dtype=FLOAT64)
    covariances = roots @ roots.mT / 3 + 0.05 * torch.eye(3, dtype=FLOAT64)
    means = 2 * torch.randn(3, 3, generator=rng, dtype=FLOAT64)
    return GaussianMixture(torch.tensor([0.2, 0.5, 0.3], dtype=FLOAT64), means, covariances)


def noised_law(law, process, t):
    """q_t of a mixture, which is a mixture."""
    alpha, sigma = process.alpha_sigma(t)
    identity = torch.eye(law.means.shape[-1], dtype=FLOAT64)
    return GaussianMixture(law.weights, alpha * law.means, alpha**2 * law.covariances + sigma**2 * identity)


class TestExactMixture:
    @pytest.mark.parametrize("time", [0.0, 0.1, 0.5, 1.0])
    def test_tweedie(self, gaussian, mixture, rng, time):
        process, t = gaussian(3), torch.tensor(time, dtype=FLOAT64)
        law = noised_law(mixture, process, t)
        x = law.sample(rng, (20,)).requires_grad_()
        (gradient,) = torch.autograd.grad(law.log_prob(x).sum(), x)
        alpha, sigma = process.alpha_sigma(t)
        expected = (x + sigma**2 * gradient) / alpha
        found = ExactMixture(process, mixture)(x, t)
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)

    def test_it_is_the_exact_denoiser_of_a_fine_grid_in_one_dimension(self, gaussian):
        """Quadrature: the density on 4001 points, whose posterior mean `Exact` computes."""
        weights, means = torch.tensor([0.3, 0.7], dtype=FLOAT64), torch.tensor([[-1.0], [0.8]], dtype=FLOAT64)
        law = GaussianMixture(weights, means, torch.tensor([[[0.2]], [[0.05]]], dtype=FLOAT64))
        process, grid = gaussian(1), torch.linspace(-6, 6, 4001, dtype=FLOAT64)[:, None]
        quadrature = Exact(process, grid, law.log_prob(grid).exp())
        x, t = torch.linspace(-2, 2, 9, dtype=FLOAT64)[:, None], torch.tensor(0.5, dtype=FLOAT64)
        torch.testing.assert_close(ExactMixture(process, law)(x, t), quadrature(x, t), rtol=1e-7, atol=1e-7)

    @pytest.mark.parametrize("kind", ["full", "round"])
    def test_the_density_and_the_score_of_every_row_at_its_own_time(self, noised, mixture, t, kind):
        process, x = noised
        if kind == "round":
            spread = torch.tensor([0.1, 0.5, 2.0], dtype=FLOAT64)[:, None, None] * torch.eye(3, dtype=FLOAT64)
            mixture = GaussianMixture(mixture.weights, mixture.means, spread)
        denoiser = ExactMixture(process, mixture)
        for i in range(6):
            law, row = noised_law(mixture, process, t[i]), x[i : i + 1]
            torch.testing.assert_close(denoiser.log_prob(x, t)[i], law.log_prob(row)[0], rtol=1e-8, atol=1e-8)
            torch.testing.assert_close(denoiser.score(x, t)[i], law.score(row)[0], rtol=1e-6, atol=1e-6)
            mean = (row + process.alpha_sigma(t[i])[1] ** 2 * law.score(row)) / process.alpha_sigma(t[i])[0]
            torch.testing.assert_close(denoiser(x, t)[i], mean[0], rtol=1e-6, atol=1e-6)

    def test_narrow_components_are_atoms(self, noised, atoms, t):
        process, x = noised
        law = GaussianMixture(WEIGHTS, atoms, torch.zeros(4, 3, 3, dtype=FLOAT64))
        expected = Exact(process, atoms, WEIGHTS)(x, t)
        torch.testing.assert_close(ExactMixture(process, law)(x, t), expected, rtol=1e-8, atol=1e-8)

    def test_every_row_at_its_own_time(self, noised, mixture, t):
        process, x = noised
        denoiser = ExactMixture(process, mixture)
        alone = torch.stack([denoiser(x[i : i + 1], t[i])[0] for i in range(6)])
        torch.testing.assert_close(denoiser(x, t), alone, rtol=1e-12, atol=1e-12)

    def test_to_changes_the_precision(self, noised, mixture, t):
        process, x = noised
        precise = ExactMixture(process, mixture)(x, t)
        rough = ExactMixture(process, mixture).to(torch.float32)(x.float(), t.float())
        assert rough.dtype == torch.float32
        torch.testing.assert_close(rough.double(), precise, rtol=1e-3, atol=1e-3)


class TestRoles:
    """Weights by Bayes' rule over the cells that are known, each at its time."""

    @pytest.mark.parametrize("kind", ["atoms", "narrow components"])
    def test_it_is_bayes_rule_over_known_cells(self, noised, atoms, t, kind):
        process, x = noised
        asked = torch.tensor([[True, False, False]]).expand(6, 3)
        given = torch.tensor([[False, True, False], [False, False, False]]).repeat(3, 1)
        x = torch.where(given, atoms[[0, 1, 2, 3, 0, 1]], x)
        alpha, sigma = (level[:, None] for level in process.alpha_sigma(t))
        alpha_0, sigma_0 = process.alpha_sigma(torch.zeros((), dtype=FLOAT64))
        each = -0.5 * torch.where(
            given[:, None],
            ((x[:, None] - alpha_0 * atoms) / sigma_0) ** 2,
            ((x[:, None] - alpha[..., None] * atoms) / sigma[..., None]) ** 2,
        )
        known = (asked | given)[:, None]
        shares = torch.softmax(WEIGHTS.log() + torch.where(known, each, 0.0).sum(-1), -1)
        if kind == "atoms":
            denoiser = Exact(process, atoms, WEIGHTS)
        else:
            denoiser = ExactMixture(process, GaussianMixture(WEIGHTS, atoms, torch.zeros(4, 3, 3, dtype=FLOAT64)))
        found = denoiser.answer(x, t, Roles(asked, given))
        torch.testing.assert_close(found[asked], (shares @ atoms)[asked], rtol=1e-7, atol=1e-7)

    def test_what_an_unknown_cell_holds_says_nothing(self, noised, atoms, t):
        process, x = noised
        asked = torch.tensor([[True, False, False]]).expand(6, 3)
        y = torch.where(asked, x, x.flip(0))
        roles = Roles(asked, asked & False)
        for denoiser in (
            Exact(process, atoms, WEIGHTS),
            ExactMixture(process, GaussianMixture(WEIGHTS, atoms, SPREAD)),
        ):
            one, other = (denoiser.answer(point, t, roles) for point in (x, y))
            torch.testing.assert_close(one[asked], other[asked], rtol=1e-10, atol=1e-10)
