"""A fit marginalises holes, finds groups, and tells how far it is."""

import dataclasses

import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import fit_latent_classes


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_unknown_cells_do_not_matter(mixed):
    base, rows = mixed()
    other = dataclasses.replace(
        rows, x=_tree.map(lambda leaf, known: torch.where(known, leaf, leaf.roll(1, 0)), rows.x, rows.known)
    )
    laws = [fit_latent_classes(base, some.x, some.known, components=4, rng=rng()) for some in (rows, other)]
    torch.testing.assert_close(*(law.log_prob(rows.x) for law in laws))


def test_it_finds_groups_and_how_many(mixed):
    base, rows = mixed(2000)
    law = fit_latent_classes(base, rows.x, components=20, rng=rng())
    alone = fit_latent_classes(base, rows.x, components=1, rng=rng())
    test = mixed(2500)[1].at(slice(2000, None))
    assert len(law.weights) > 1
    assert law.log_prob(test.x).mean() > alone.log_prob(test.x).mean() + 0.3


@pytest.mark.parametrize("most", [20, 100])
def test_the_share_that_is_done_grows_to_one(mixed, most):
    base, rows = mixed(600)
    shares = []
    fit_latent_classes(base, rows.x, components=most, rng=rng(), on_step=shares.append)
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert sum(share < 0.9 for share in shares) > len(shares) // 2
    assert shares[-1] == 1.0


def test_wrong_arguments_are_refused(mixed):
    base, rows = mixed(50)
    with pytest.raises(InputError, match="weights"):
        fit_latent_classes(base, rows.x, weights=torch.ones(3), rng=rng())
    with pytest.raises(InputError, match="names and cells of the base"):
        fit_latent_classes(base, rows.x["numbers"], rng=rng())
