"""How models are trained for questions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from tests.toys.knowing import TINY, holed, levels
from unnoise import DenoisingMarkovModel, InputError, _tree, load, processes
from unnoise.data import Schema
from unnoise.heads import Told
from unnoise.model.masks import both
from unnoise.model.questions import Flags, any_in_row
from unnoise.model.roles import FlaggedRoles
from unnoise.networks import MLP
from unnoise.testing import ImprobableError, assert_mean

N = 4000


def tiny(**changes: object) -> DenoisingMarkovModel:
    return DenoisingMarkovModel(**{"steps": 2, "batch_size": 16, "network": TINY} | changes)


def test_any_is_the_default_and_joint_tells_no_roles() -> None:
    assert tiny().fit(levels()).denoiser_.head.timeless  # masks say which levels are known
    rows = np.random.default_rng(0).normal(size=(50, 2))
    holes = np.where(rows > 1.5, np.nan, rows)
    assert isinstance(tiny().fit(rows).denoiser_.head, Told)
    assert not isinstance(tiny(roles="joint").fit(rows).denoiser_.head, Told)
    assert isinstance(tiny(roles="joint").fit(holes).denoiser_.head, Told)  # holes are roles
    assert not isinstance(tiny().fit(np.random.default_rng(0).normal(size=(50, 1))).denoiser_.head, Told)
    with pytest.raises(InputError, match="roles = 'all'"):
        tiny(roles="all").fit(levels())


def test_a_folder_keeps_what_a_model_can_be_asked(tmp_path) -> None:
    model = tiny().fit(data := holed(levels()), folder=tmp_path / "model")
    again = load(tmp_path / "model", trust=["tests.toys.knowing"])
    assert again.sample(20, given={"a": "x"}, seed=0).equals(model.sample(20, given={"a": "x"}, seed=0))
    assert again.impute(data, seed=0).equals(model.impute(data, seed=0))


@pytest.mark.parametrize("known", [True, False], ids=["whole", "holes"])
def test_where_a_flag_is_asked_its_value_is_unknown(known: bool) -> None:
    schema = Schema.infer(data := holed(levels()))
    flags, rng = Flags(schema), torch.Generator().manual_seed(0)
    rows = schema.encode(data).rows(torch.randint(len(data), (N,), generator=rng))
    roles = FlaggedRoles(0.5, flags=flags).draw(schema.process(), N, rng, None if known else rows.known)
    spoken = flags.marked(roles.asked)
    assert (
        not any_in_row(both(spoken, roles.known)).any()
        or not any_in_row(flags.split(both(spoken, roles.known))[1]).any()
    )
    asks_flag = roles.asked["missing"].any(1)
    assert not (roles.asked["category"].any(1) & asks_flag).any()  # flags first, values then
    assert (roles.asked["category"].any(1) | asks_flag).all()
    assert 0.1 < asks_flag.double().mean() < 0.4
    given_b = roles.given["category"][:, 1]
    assert roles.given["missing"][given_b].all()  # a value that is given is there
    if not known:
        held = _tree.ravel(rows.known)
        assert not ((_tree.ravel(roles.asked) | _tree.ravel(roles.given)) & ~held).any()


@pytest.mark.slow
def test_a_model_trained_on_holes_learns_the_law_of_what_is_there() -> None:
    """That half of x is missing where y is large does not move y, nor x given y; a filled column would."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=3000)
    x = y + 0.5 * rng.normal(size=3000)
    data = np.stack([np.where((y > 0) & (rng.random(3000) < 0.8), np.nan, x), y], 1)
    network = partial(MLP, width=64, depth=2)
    model = DenoisingMarkovModel(steps=1500, batch_size=256, learning_rate=3e-3, network=network, ema=0.98).fit(data)
    rows = torch.as_tensor(model.sample(1500, seed=0))
    gone = rows[:, 0].isnan()
    assert_mean(rows[:, 1], 0.0, tolerance=0.15)
    assert_mean(gone[rows[:, 1] > 0.3].double(), 0.8, tolerance=0.1)
    assert_mean(gone[rows[:, 1] < -0.3].double(), 0.0, tolerance=0.06)
    filled = torch.as_tensor(model.impute(data, seed=0))
    holes = np.isnan(data[:, 0])
    assert_mean((filled[holes, 0] - filled[holes, 1]), 0.0, tolerance=0.25)
    with pytest.raises(ImprobableError):
        assert_mean(filled[holes, 0], float(np.nanmean(data[:, 0])), tolerance=0.25)


def test_noise_without_a_kernel_knows_the_joint_law_alone() -> None:
    table = np.random.default_rng(0).normal(size=(40, 2))

    def generated(space):
        from unnoise.laws import Normal

        return processes.DiffusionProcess(
            space,
            lambda x, t: -x,
            lambda t: torch.full_like(t, 2.0**0.5),
            lambda n: Normal(torch.zeros(n, 2), torch.ones(()), 1),
        )

    from unnoise.objectives import Implicit

    model = tiny(process=generated, objective=Implicit(steps=2)).fit(table)
    with pytest.raises(InputError, match="joint law of all columns alone"):
        model.sample(2, given={"x0": 0.0}, seed=0)
