from __future__ import annotations

import torch

from unnoise.testing.waves import waves


def normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_any_batch_axes_will_do(rng: torch.Generator) -> None:
    test = waves(lambda x: x, normal(50, 2, 3), 5, rng)
    x = normal(4, 7, 2, 3)
    assert len(test) == 5
    assert test(x).shape == (4, 7, 5)
    assert test[3](x).shape == (4, 7)
    torch.testing.assert_close(test[3](x), test(x)[..., 3])
    assert test(x[0, 0]).shape == (5,)


def test_single_numbers_are_features_too(rng: torch.Generator) -> None:
    assert waves(lambda x: x, normal(50), 5, rng)(normal(4)).shape == (4, 5)


def test_they_do_not_depend_on_units(rng: torch.Generator) -> None:
    x, units = normal(50, 3), torch.tensor([1e-3, 1.0, 1e4], dtype=torch.float64)
    one = waves(lambda y: y, x, 5, torch.Generator().manual_seed(1))
    other = waves(lambda y: y, 5 + x * units, 5, torch.Generator().manual_seed(1))
    torch.testing.assert_close(one(x), other(5 + x * units))


def test_a_feature_that_never_changes_is_no_trouble(rng: torch.Generator) -> None:
    x = normal(50, 2) * torch.tensor([1.0, 0.0], dtype=torch.float64)
    assert torch.isfinite(waves(lambda y: y, x, 5, rng)(x)).all()


def test_waves_see_a_change_of_width_that_a_mean_does_not(rng: torch.Generator) -> None:
    x = normal(20_000, 2)
    test = waves(lambda y: y, x, 8, rng)
    assert (test(x).mean(0) - test(1.2 * x).mean(0)).abs().max() > 0.03
