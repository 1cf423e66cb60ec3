"""Counts of letters, a network that sees what came before, and their likelihoods."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.causal import ANY_TIME, Causal, NextLetter, continued
from experiments.n_grams import NGrams
from experiments.shakespeare import SITES, Text
from unnoise.denoisers import Neural
from unnoise.heads import Softmax
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite
from unnoise.testing import assert_mean


def every_block(letters: int, sites: int) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.arange(letters)] * sites)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_counts_are_a_law(most: int) -> None:
    text = torch.randint(3, (200,), generator=torch.Generator().manual_seed(0))
    found = NGrams.of(text, most, 3)
    assert float(found.log_prob(every_block(3, 4)).exp().sum()) == pytest.approx(1)


def test_counts_are_the_formula() -> None:
    """In 0 1 0 1 1 the letter 1 came twice after 0, and once each of 0 and 1 after 1."""
    single = {0: (2 + 2 / 2) / (5 + 2), 1: (3 + 2 / 2) / (5 + 2)}
    found = NGrams.of(torch.tensor([0, 1, 0, 1, 1]), 1, 2)
    expected = single[0] * (2 + 1 * single[1]) / (2 + 1)
    assert float(found.log_prob(torch.tensor([[0, 1]])).exp()) == pytest.approx(expected)
    expected = single[1] * (1 + 2 * single[0]) / (2 + 2)
    assert float(found.log_prob(torch.tensor([[1, 0]])).exp()) == pytest.approx(expected)


def test_counts_learn_a_chain() -> None:
    """Bits of a chain that keeps its state with probability .9; those of letters alone miss them."""
    rng = torch.Generator().manual_seed(0)
    text = (torch.rand(40_000, generator=rng) < 0.1).cumsum(0) % 2
    train, test = text[:20_000], text[20_000:].view(-1, 50)
    entropy = math.log(2) - 49 * (0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert_mean(-NGrams.of(train, 2, 2).log_prob(test) - entropy, tolerance=0.3)
    assert -NGrams.of(train, 0, 2).log_prob(test).mean() > entropy + 10


class Channels(Softmax):
    """Letters as channels, as they are of longer blocks."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3, 4)


def causal() -> Neural:
    """A network of random weights, on four sites of three letters."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Causal((3, 4), 0, (3, 4), width=8, depth=2, heads=2)
    process = CTMC(Finite(4, 3), rates.UniformRates(3))
    return Neural(process, network, Channels).requires_grad_(False).eval()


def test_what_comes_later_is_not_seen() -> None:
    """And what came before is."""
    denoiser, x = causal(), torch.tensor([[0, 1, 2, 0]])
    changed = torch.tensor([[0, 1, 1, 0]])
    law, other = denoiser(x, ANY_TIME), denoiser(changed, ANY_TIME)
    torch.testing.assert_close(law[:, :3], other[:, :3])
    assert (law[:, 3] - other[:, 3]).abs().max() > 1e-3


def test_the_likelihood_from_left_to_right_is_that_of_its_samples() -> None:
    denoiser, rng = causal(), torch.Generator().manual_seed(0)
    blocks = every_block(3, 4)
    log_p = -NextLetter()(denoiser, blocks, None, rng).value
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)
    drawn = -NextLetter()(denoiser, continued(denoiser, 4000, rng), None, rng).value
    assert_mean(drawn - float((log_p.exp() * log_p).sum()), tolerance=0.1)


def test_a_text_is_cut_into_blocks_and_read_again() -> None:
    words = "to be or not to be "
    text = Text.of(words * 70)
    assert text.test.shape == (2, SITES)
    assert text.read(text.test[0]) in words * 70
    drawn = text.draw(5, torch.Generator().manual_seed(0))
    assert all(text.read(block) in words * 70 for block in drawn)
    assert text.known_words(drawn) == 1
    assert text.known_words(text.test.flip(1)) < 1
