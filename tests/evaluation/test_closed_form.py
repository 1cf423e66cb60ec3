"""The density of a mixture, given some cells or none."""

import pytest
import torch

from unnoise import denoisers, evaluation, laws, processes, spaces
from unnoise._errors import InputError
from unnoise.denoisers import Answering, question

PROCESS = processes.variance_preserving(spaces.Euclidean(2))
LAW = laws.ProductMixture(
    torch.tensor([0.3, 0.7]), laws.NormalComponents(torch.tensor([[0.0, 1.0], [2.0, -1.0]]), torch.ones(2, 2))
)
X = torch.tensor([[0.5, 0.2], [2.0, -1.5]])


def rng():
    return torch.Generator().manual_seed(0)


def test_what_is_given_divides():
    denoiser, density = denoisers.ExactProductMixture(PROCESS, LAW), evaluation.MixtureDensity()
    first = torch.tensor([[True, False]]).expand(2, -1)
    asks = question(PROCESS, asked=~first, given=first, values=X)
    found = density(Answering(denoiser), X, rng(), asks).log_prob
    torch.testing.assert_close(found, LAW.log_prob(X) - LAW.log_prob(X, first))
    torch.testing.assert_close(density(denoiser, X, rng()).log_prob, LAW.log_prob(X))


def test_a_denoiser_without_a_law_is_refused():
    with pytest.raises(InputError, match="Bound"):
        evaluation.MixtureDensity()(denoisers.Exact(PROCESS, X), X, rng())
