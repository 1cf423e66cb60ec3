"""A network as a denoiser: what the network is given, and what is made of its output."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from unnoise import samplers
from unnoise._errors import InputError
from unnoise.denoisers import Neural, neural
from unnoise.heads import X0, Eps, Preconditioned
from unnoise.networks import MLP, Conditioned, ResNet, SetEncoder, UNet
from unnoise.processes import CTMC, edm, product, rates, variance_preserving
from unnoise.schedules import Learned
from unnoise.spaces import Euclidean, Finite


class Spy(nn.Module):
    """Remembers what it was given, and returns ones."""

    def forward(self, x, level, cond=None):
        self.seen = x, level, cond
        return torch.ones_like(x)


@pytest.fixture
def x(rng):
    return torch.randn(4, 3, generator=rng, dtype=torch.float64)


@pytest.fixture
def t(rng):
    return torch.rand(4, generator=rng, dtype=torch.float64)


def test_levels_beside_numbers_are_seen_in_the_precision_of_the_network(x):
    """As by the probability flow of the numbers given the levels, in double precision."""
    process = product({"numbers": edm(Euclidean(3)), "levels": CTMC(Finite(2, 4), rates.UniformRates(4))})
    denoiser = Neural(process, MLP(process.head.input_shape, 0, process.head.output_shape, width=8, depth=1))
    single = {"numbers": x.float(), "levels": torch.tensor([[0, 1], [2, 3], [1, 1], [3, 0]])}
    double = single | {"numbers": single["numbers"].double()}
    half = torch.tensor(0.5)
    expected = denoiser(single, half)["numbers"]
    found = copy.deepcopy(denoiser).double()(double, half.double())["numbers"]
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected.double(), rtol=1e-4, atol=1e-4)


def test_the_network_is_given_scaled_states_levels_and_conditions(gaussian, x, t):
    process, spy, cond = gaussian(3), Spy(), torch.arange(4.0, dtype=torch.float64)[:, None]
    Neural(process, spy)(x, t, cond)
    alpha, sigma = process.alpha_sigma(t)
    seen, level, seen_cond = spy.seen
    torch.testing.assert_close(seen, x / torch.sqrt(alpha**2 + sigma**2)[:, None])
    torch.testing.assert_close(level, 0.25 * torch.log(sigma / alpha))  # EDM's c_noise
    assert seen_cond is cond


@pytest.mark.parametrize(
    "head", [X0, Eps, partial(Preconditioned, sigma_data=0.5)], ids=["x0", "eps", "preconditioned"]
)
def test_the_output_goes_through_the_head(gaussian, x, t, head):
    process = gaussian(3)
    alpha, sigma = (part[:, None] for part in process.alpha_sigma(t))
    expected = head(process).x_0(torch.ones_like(x), x, alpha, sigma)
    torch.testing.assert_close(Neural(process, Spy(), head)(x, t), expected)


def test_one_time_serves_all_rows(gaussian, x):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((3,), width=16).double()
        nn.init.normal_(network.last.weight)
    denoiser, t = Neural(gaussian(3), network), torch.tensor(0.4, dtype=torch.float64)
    torch.testing.assert_close(denoiser(x, t), denoiser(x, t.expand(4)))


def test_an_untrained_network_shrinks_towards_the_mean(x):
    """It starts at zero, which for the default head is the best linear guess for data of unit variance."""
    process = edm(Euclidean(3))
    t = process.time_at(torch.tensor(0.0))  # noise as large as the data
    denoiser = Neural(process, MLP((3,), width=16).double())
    torch.testing.assert_close(denoiser(x, t), 0.5 * x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("time_dtype", [torch.float32, torch.float64])
def test_the_estimate_has_the_dtype_of_the_state(gaussian, x, dtype, time_dtype):
    denoiser = Neural(gaussian(3), MLP((3,), width=16)).to(dtype)
    for t in (torch.tensor(0.5, dtype=time_dtype), torch.full((4,), 0.5, dtype=time_dtype)):
        assert denoiser(x.to(dtype), t).dtype == dtype


def test_points_of_another_precision_are_seen_in_that_of_the_network(gaussian, x, rng):
    denoiser = Neural(gaussian(3), MLP((3,), width=16))
    nn.init.normal_(denoiser.network.last.weight, generator=rng)
    found = denoiser(x, torch.tensor(0.5))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, copy.deepcopy(denoiser).double()(x, torch.tensor(0.5)), rtol=1e-4, atol=1e-4)


def test_under_autocast_only_the_network_runs_in_low_precision(x):
    """The head and the noise levels must keep float32, or the last steps of a sampler lose their digits."""
    denoiser = Neural(variance_preserving(Euclidean(3)), MLP((3,), width=16))
    x, t = x.float(), torch.full((4,), 0.01)
    with torch.autocast("cpu", torch.bfloat16):
        low = denoiser(x, t)
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, denoiser(x, t))


def test_images_and_the_unet():
    denoiser = Neural(variance_preserving(Euclidean((1, 8, 8))), UNet((1, 8, 8), cond_features=2, width=8))
    assert denoiser(torch.zeros(2, 1, 8, 8), torch.rand(2), torch.zeros(2, 2)).shape == (2, 1, 8, 8)


class TestALearntSchedule:
    @pytest.fixture
    def schedule(self):
        return Learned(units=3)

    def test_it_is_part_of_the_denoiser(self, schedule):
        denoiser = Neural(variance_preserving(Euclidean(3), schedule), MLP((3,), width=16))
        assert set(schedule.parameters()) <= set(denoiser.parameters())
        assert {f"learnt.0.{name}" for name in schedule.state_dict()} <= set(denoiser.state_dict())

    def test_factors_may_share_it(self, schedule):
        parts = {name: variance_preserving(Euclidean(2), schedule) for name in "ab"}
        denoiser = Neural(product(parts), MLP((4,), width=16))
        assert len(denoiser.learnt) == 1
        assert sum(name.startswith("learnt.") for name in denoiser.state_dict()) == len(schedule.state_dict())

    def test_a_copy_has_its_own(self, schedule):
        """And its process is the one whose schedule moves with it, as the average of the weights does."""
        copied = copy.deepcopy(Neural(variance_preserving(Euclidean(3), schedule), MLP((3,), width=16))).double()
        assert copied.process.schedule is copied.learnt[0]
        assert copied.head.process is copied.process
        assert copied.process.schedule is not schedule
        assert copied.process.schedule.weights.dtype == torch.float64

    def test_without_one_nothing_is_added(self):
        denoiser = Neural(variance_preserving(Euclidean(3)), MLP((3,), width=16))
        assert all(name.startswith("network.") for name in denoiser.state_dict())


CONDITIONS = {
    "a list": ([[0.0, 1.0]], "a condition of type list; expected a tensor"),
    "numpy": (np.zeros((4, 2), dtype=np.float32), "a condition of type ndarray; expected a tensor"),
    "float64": (torch.zeros(4, 2, dtype=torch.float64), "in torch.float64 for a network that is given torch.float32"),
    "whole numbers": (torch.zeros(4, 2, dtype=torch.int64), "in torch.int64 for a network that is given torch.float32"),
    "another width": (torch.zeros(4, 3), "conditions of 3 numbers .* with cond_features=2"),
    "another number of rows": (torch.zeros(3, 2), "got 3 rows of conditions for 4 rows; expected as many, or one"),
    "none": (None, "conditions of 0 numbers .* with cond_features=2"),
}


class TestWhatIsRefused:
    @pytest.fixture
    def denoiser(self):
        return Neural(variance_preserving(Euclidean(3)), MLP((3,), cond_features=2, width=8))

    @pytest.mark.parametrize(("cond", "message"), CONDITIONS.values(), ids=CONDITIONS)
    def test_conditions(self, denoiser, cond, message):
        with pytest.raises(InputError, match=message):
            denoiser(torch.zeros(4, 3), torch.tensor(0.5), cond)

    def test_a_condition_for_a_network_without(self):
        denoiser = Neural(variance_preserving(Euclidean(3)), MLP((3,), width=8))
        with pytest.raises(InputError, match=r"conditions of 2 numbers .* with cond_features=0"):
            denoiser(torch.zeros(4, 3), torch.tensor(0.5), torch.zeros(4, 2))

    @pytest.mark.parametrize("t", [500, 500.0, torch.tensor([0.1, 0.2, 0.3, 500.0])], ids=["step", "float", "rows"])
    def test_numbers_of_steps(self, denoiser, t):
        with pytest.raises(InputError, match="got the time 500; times run from t = 0, data"):
            denoiser(torch.zeros(4, 3), t, torch.zeros(4, 2))

    @pytest.mark.parametrize("shape", [(4, 1), (2, 6), (4, 1, 3)])
    def test_states_of_another_shape(self, denoiser, shape):
        """Their numbers were dealt to other rows, where the sum of all fitted."""
        with pytest.raises(InputError, match=r"got a state of shape .*; expected points of shape"):
            denoiser(torch.zeros(shape), torch.tensor(0.5), torch.zeros(1, 2))

    def test_times_before_zero(self, denoiser):
        with pytest.raises(InputError, match="got the time -2; times run"):
            denoiser(torch.zeros(4, 3), torch.tensor(-2.0), torch.zeros(4, 2))

    def test_times_of_other_rows(self, denoiser):
        with pytest.raises(InputError, match=r"got times of shape \(3,\) for 4 rows"):
            denoiser(torch.zeros(4, 3), torch.full((3,), 0.5), torch.zeros(4, 2))


def test_one_condition_serves_all_rows_and_a_time_may_be_a_number(rng):
    denoiser = Neural(variance_preserving(Euclidean(3)), MLP((3,), cond_features=2, width=8))
    nn.init.normal_(denoiser.network.last.weight, generator=rng)
    x, cond = torch.randn(4, 3, generator=rng), torch.randn(1, 2, generator=rng)
    expected = denoiser(x, torch.full((4,), 0.5), cond.expand(4, -1))
    torch.testing.assert_close(denoiser(x, 0.5, cond), expected)


def test_the_network_is_given_one_noise_level_for_all_rows_or_one_for_each(x):
    for t, shape in ((torch.tensor(0.5), (1,)), (torch.full((4,), 0.5), (4,))):
        spy = Spy()
        Neural(edm(Euclidean(3)), spy)(x, t)
        assert spy.seen[1].shape == shape


class Returns(nn.Module):
    """A network of a user's own that returns what a function makes of its input."""

    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, inputs, noise, cond=None):
        return self.give(inputs)


@pytest.mark.parametrize(
    ("give", "words"),
    [
        (lambda x: (x,), "type tuple of Returns; expected a tensor of shape"),
        (lambda x: {"sample": x}, "type dict of Returns"),
        (lambda x: None, "type NoneType of Returns"),
        (lambda x: x[:1], r"shape \(1, 3\) of Returns for \d rows; expected \(n, 3\)"),
        (lambda x: torch.cat([x, x]), r"of Returns for \d rows; expected \(n, 3\)"),
    ],
)
def test_an_output_that_is_none_is_refused(x, give, words, rng):
    denoiser = Neural(edm(Euclidean(3)), Returns(give))
    with pytest.raises(InputError, match=words):
        denoiser(x, torch.tensor(0.5))
    with pytest.raises(InputError, match=words):
        samplers.Multistep(denoiser, steps=4).sample(4, rng)


def test_a_network_that_cannot_be_called_is_refused_in_its_first_call():
    with pytest.raises(InputError, match=r"got network = Linear, whose forward takes .*; expected forward\(inputs, no"):
        Neural(edm(Euclidean(3)), nn.Linear(3, 3))(torch.zeros(2, 3), 0.5)


class Narrow(X0):
    """A head of a user's own that forgets what shape a statistic has."""

    def estimate(self, output, x_t, t):
        return output[:, :1]


def test_a_head_that_gives_no_statistic_is_refused_in_a_run(rng):
    narrow = Neural(edm(Euclidean(3)), Returns(lambda x: x), Narrow)
    with pytest.raises(InputError, match=r"got a statistic of shape \(4, 1\) from Neural; expected a tensor of shape"):
        samplers.Multistep(narrow, steps=4).sample(4, rng)


def test_times_are_looked_at_in_every_call(x):
    """After a first call in order a number of a step gave numbers in silence."""
    denoiser = Neural(edm(Euclidean(3)), Returns(lambda x: x))
    denoiser(x, torch.tensor(0.5))
    with pytest.raises(InputError, match="got the time 500; times run from t = 0"):
        denoiser(x, torch.tensor(500.0))


class TestAlong:
    """What is computed once for all times of a run is what each time would give by itself."""

    TIMES = torch.tensor([1.0, 0.6, 0.2, 0.0], dtype=torch.float64)

    def denoiser(self, network: nn.Module) -> Neural:
        for weight in network.parameters():
            nn.init.normal_(weight, std=0.3, generator=self.rng)
        return Neural(variance_preserving(Euclidean(3)), network)

    @pytest.fixture(autouse=True)
    def _seeded(self):
        self.rng = torch.Generator().manual_seed(0)

    def check(self, denoiser: Neural, cond: torch.Tensor | None, n: int = 5) -> None:
        x = torch.randn(n, 3, generator=self.rng)
        with torch.no_grad():
            looks = denoiser.along(self.TIMES, x)
            for t, look in zip(self.TIMES, looks, strict=True):
                torch.testing.assert_close(look(x, cond), denoiser(x, t, cond), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("make", [MLP, ResNet, partial(MLP, beside=True)], ids=["mlp", "resnet", "beside"])
    def test_with_conditions_of_each_row_and_with_one_for_all(self, make) -> None:
        denoiser = self.denoiser(make((3,), cond_features=2, width=16))
        cond = torch.randn(5, 2, generator=self.rng)
        for given in (cond, cond[:1], cond[:1].expand(5, 2), cond[:1].repeat(5, 1)):
            self.check(denoiser, given)
        self.check(self.denoiser(make((3,), width=16)), None)

    @pytest.mark.parametrize("make", [MLP, ResNet], ids=["mlp", "resnet"])
    def test_a_network_is_told_at_once_of_few_conditions(self, make, monkeypatch) -> None:
        monkeypatch.setattr(neural, "MOST_TOLD", 8)
        asked = []
        network = make((3,), cond_features=1, width=16)
        network.embedding.register_forward_hook(lambda _, given, out: asked.append(len(out)))
        denoiser, x = self.denoiser(network), torch.zeros(5, 3)
        for rows, expected in (([1.0, 2.0], [8]), ([1.0] * 5, [4]), ([1.0, 2.0, 3.0], [3, 3, 3, 3])):
            asked.clear()
            cond = torch.tensor(rows)[:, None]
            with torch.no_grad():
                for look in denoiser.along(self.TIMES, x[: len(cond)]):
                    look(x[: len(cond)], cond)
            assert asked == expected

    def test_another_condition_within_a_run_counts(self) -> None:
        denoiser = self.denoiser(MLP((3,), cond_features=1, width=16))
        x, one, other = torch.ones(2, 3), torch.zeros(2, 1), torch.ones(2, 1)
        with torch.no_grad():
            look = denoiser.along(self.TIMES, x)[2]
            for cond in (one, other, one):
                torch.testing.assert_close(look(x, cond), denoiser(x, self.TIMES[2], cond), rtol=1e-5, atol=1e-5)

    def test_conditions_are_read_once(self) -> None:
        encoder = SetEncoder((1,), 4, width=8)
        read = []
        encoder.register_forward_hook(lambda *_: read.append(1))
        network = Conditioned(MLP((3,), 4, width=16), [encoder], [(-1, 2)])
        denoiser, cond = self.denoiser(network), torch.ones(5, 6)
        with torch.no_grad():
            for look in denoiser.along(self.TIMES, x := torch.zeros(5, 3)):
                look(x, cond)
        assert len(read) == 1
        self.check(denoiser, torch.cat([torch.ones(5, 1), torch.randn(5, 1, generator=self.rng)], 1))

    def test_conditions_that_do_not_fit_are_refused(self) -> None:
        denoiser = self.denoiser(MLP((3,), cond_features=2, width=16))
        with pytest.raises(InputError, match="got conditions of 3 numbers"):
            denoiser.along(self.TIMES, x := torch.zeros(5, 3))[0](x, torch.zeros(5, 3))
        with pytest.raises(InputError, match=r"got a condition in torch\.float64"):
            denoiser.along(self.TIMES, x)[0](x, torch.zeros(5, 2).double())
