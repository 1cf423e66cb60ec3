"""Which laws stay in closed form under which noise; their answers are judged in tests/denoisers."""

import pytest
import torch

from unnoise import laws, processes, spaces
from unnoise._errors import InputError

ONE = torch.ones(1, 1, dtype=torch.bool)


@pytest.mark.parametrize(
    ("process", "point", "family"),
    [
        (processes.CTMC(spaces.Finite(1, 3), processes.rates.Absorbing(3)), 0, laws.CategoricalComponents),
        (processes.variance_preserving(spaces.Euclidean(1)), 0.0, laws.NormalComponents),
        (processes.Brownian(spaces.Torus(1)), 0.0, laws.WrappedNormalComponents),
        (processes.ImmigrationDeath(spaces.Counts(1)), 0, laws.PoissonComponents),
        (processes.PureDeath(spaces.Counts(1)), 0, laws.PoissonComponents),
    ],
)
def test_each_process_has_its_family_and_noise_at_time_0_says_next_to_all(process, point, family):
    x = torch.tensor([[point]])
    parts = processes.components_of(process, x, ONE)
    assert type(parts) is family
    noisy = processes.noised(process, parts.repeated(3), x, torch.zeros(1, 1), ONE)
    assert noisy.log_prob.shape == (1, 3)


def test_other_spaces_and_families_are_refused():
    sphere = processes.Brownian(spaces.Sphere(2))
    with pytest.raises(InputError, match="no components on Sphere"):
        processes.components_of(sphere, torch.zeros(1, 3), torch.ones(1, dtype=torch.bool))
    with pytest.raises(InputError, match="not in closed form"):
        processes.noised(
            processes.WrightFisher(spaces.Simplex(2)), laws.PoissonComponents(torch.ones(1, 1)), *[torch.ones(1, 1)] * 3
        )
