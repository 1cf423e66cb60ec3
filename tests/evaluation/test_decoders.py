"""Decoders of whole numbers: laws over all levels, and the end of a bound on probabilities."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation import Bound
from unnoise.evaluation.decoders import BinDecoder, SoftmaxDecoder
from unnoise.processes import CTMC, edm, rates, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Finite, Lattice
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

FLOAT64 = torch.float64
LATTICE = Lattice(-1.0, 0.5, 5)
DECODERS = {
    "softmax": SoftmaxDecoder(LATTICE),
    "bins": BinDecoder(LATTICE),
    "bins of the state": BinDecoder(LATTICE, denoised=False),
}


def atoms(noise, weights=None):
    """Pairs of levels, the law of which is known, and their exact denoiser; `noise` is sigma / alpha at t = 0."""
    levels = LATTICE.levels().double()
    pairs = torch.cartesian_prod(levels, levels)
    weights = torch.rand(len(pairs), generator=torch.Generator().manual_seed(5)).double() + 0.1
    process = variance_preserving(Euclidean(2), LinearLogSNR(-2 * math.log(noise), -9.0))
    return pairs, weights / weights.sum(), Exact(process, pairs, weights)


def excess(decoder, noise, rng, rows=400):
    """What the bound is above the truth, at rows of the law."""
    pairs, weights, denoiser = atoms(noise)
    seen = torch.multinomial(weights, rows, replacement=True, generator=rng)
    return Bound(32, decoder=decoder)(denoiser, pairs[seen], rng).log_prob - weights[seen].log()


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("noise", [0.02, 0.3, 3.0])
class TestEveryDecoder:
    def test_it_sums_to_one_at_any_state(self, decoder, noise, rng):
        z = 4 * torch.randn(50, 2, generator=rng, dtype=FLOAT64)
        total = decoder.log_probabilities(atoms(noise)[2], z).logsumexp(-1)
        torch.testing.assert_close(total, torch.zeros(50, 2, dtype=FLOAT64), rtol=0, atol=1e-9)

    def test_the_probability_of_a_row_is_the_product(self, decoder, noise, rng):
        pairs, _, denoiser = atoms(noise)
        z = denoiser.process.marginal(pairs, torch.tensor(0.0, dtype=FLOAT64)).sample(rng)
        table = decoder.log_probabilities(denoiser, z)
        expected = table.gather(-1, LATTICE.index(pairs)[..., None]).sum((1, 2))
        torch.testing.assert_close(decoder.log_prob(denoiser, pairs, z), expected, rtol=0, atol=1e-9)

    def test_the_bound_is_below_the_truth(self, decoder, noise, rng):
        assert_mean_at_most(excess(decoder, noise, rng), 1e-4)


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
def test_the_bound_is_tight_where_the_first_noise_is_small(decoder, rng):
    """The gap is what the decoder does not know of the law: it falls with the noise, to nothing."""
    gaps = [-excess(decoder, noise, rng, rows=800) for noise in (0.5, 0.2, 0.05)]
    assert float(gaps[2].std()) / 800**0.5 < 0.08
    assert float(gaps[0].mean()) > max(0.1, float(gaps[1].mean()))
    assert_mean(gaps[2])
    with pytest.raises(ImprobableError):
        assert_mean(gaps[0])
    with pytest.raises(ImprobableError):
        assert_mean_at_most(gaps[0], 0.0)  # a bound with the wrong sign


def test_a_density_says_nothing_of_probabilities(rng):
    """Without the decoder the bound goes up without end as the first noise falls."""
    pairs, weights, denoiser = atoms(0.01)
    assert float(Bound(64)(denoiser, pairs, rng).log_prob.mean()) > float(weights.log().max()) + 1


def test_the_decoder_is_named_and_its_part_shown(rng):
    pairs, _, denoiser = atoms(0.1)
    estimate = Bound(8, decoder=DECODERS["softmax"])(denoiser, pairs, rng)
    assert estimate.method == "lower bound, softmax decoder over 5 levels"
    assert list(estimate.parts) == ["prior", "diffusion", "reconstruction"]
    assert (estimate.parts["reconstruction"] <= 0).all()
    assert Bound(decoder=DECODERS["bins"]).description.endswith("Gaussian decoder integrated over 5 bins")


def test_bytes_of_float32_images(rng):
    """The window of levels that matter gives what all 256 give, at noise below and above a step."""
    lattice = Lattice.of_bytes(0.13, 0.31)
    x = lattice.value(torch.randint(256, (4, 1, 3, 3), generator=rng), torch.zeros(()))
    for noise in (0.002, 0.05):
        denoiser = Exact(edm(Euclidean((1, 3, 3)), sigma_min=noise), x)
        z = x + noise * torch.randn(x.shape, generator=rng)
        table = SoftmaxDecoder(lattice).log_probabilities(denoiser, z)
        expected = table.gather(-1, lattice.index(x)[..., None]).flatten(1).sum(1)
        found = SoftmaxDecoder(lattice).log_prob(denoiser, x, z)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_dequantised_data_are_refused(rng):
    pairs, _, denoiser = atoms(0.1)
    with pytest.raises(InputError, match=r"0\.2 steps off the levels of the decoder"):
        Bound(2, decoder=DECODERS["softmax"])(denoiser, pairs + 0.1, rng)


def test_a_process_without_gaussian_noise_is_refused(rng):
    letters = Exact(CTMC(Finite(2, (5, 5)), rates.UniformRates((5, 5))), torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(InputError, match=r"SoftmaxDecoder needs a process with x_t = alpha x_0 .*, not CTMC"):
        SoftmaxDecoder(LATTICE).cost(letters, torch.zeros(1, 2), None, rng)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_mass_of_bins_far_off_keeps_its_digits(side):
    """Where distribution functions are one but for rounding, on either side."""
    decoder, place = BinDecoder(Lattice(0.0, 1.0, 3)), torch.tensor([1])
    found = decoder._log_mass(place, torch.tensor([1.0 + 40 * side], dtype=FLOAT64), 1.0)
    near, far = (torch.special.log_ndtr(torch.tensor(-z, dtype=FLOAT64)) for z in (39.5, 40.5))
    torch.testing.assert_close(found[0], near + torch.log1p(-torch.exp(far - near)), rtol=1e-9, atol=0)
