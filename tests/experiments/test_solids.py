"""Pictures of solids change with the rotation, but not under the symmetries of the solid."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.solids import SOLIDS, WINDOW, Solid
from unnoise.spaces import Rotations

ORDERS = {"tetrahedron": 12, "cube": 24, "icosahedron": 60}
MARKED = [name for name in SOLIDS if name.startswith("marked")]


def some(count: int) -> torch.Tensor:
    return Rotations().uniform(count).sample(torch.Generator().manual_seed(2))


def change(solid: Solid, rotations: torch.Tensor, moved: torch.Tensor) -> float:
    """The largest change of a pixel."""
    return float((solid.draw(rotations) - solid.draw(moved)).abs().max())


@pytest.mark.parametrize("name", [name for name in SOLIDS if name not in MARKED])
def test_a_picture_is_the_same_under_every_symmetry_and_under_no_other_rotation(name: str) -> None:
    solid = SOLIDS[name]
    assert solid.group is not None
    assert len(solid.group) == ORDERS.get(name, len(solid.group))
    (rotation,) = some(1)
    elements = solid.group[:: max(1, len(solid.group) // 60)]
    assert change(solid, rotation.expand_as(elements), rotation @ elements) < 1e-6
    tilt = Rotations.from_rotation_vector(torch.tensor([0.2, 0.0, 0.0], dtype=torch.float64))
    for wrong in (rotation @ tilt, elements[1] @ rotation):  # a rotation of the body, and one about the camera's axes
        assert change(solid, rotation[None], wrong[None]) > 0.05


@pytest.mark.parametrize("name", MARKED)
def test_a_mark_breaks_the_symmetry_only_where_it_shows(name: str) -> None:
    solid = SOLIDS[name]
    rotations = some(8)
    shows = solid.shows(rotations)
    assert 0 < int(shows.sum()) < len(shows)
    seen, unseen = rotations[shows][0], rotations[~shows][0]
    torch.testing.assert_close(solid.equivalent(seen), seen[None])
    same = solid.equivalent(unseen)
    if solid.group is None:
        assert len(same) == 0
        moved = rotations[~shows][1:2]
    else:
        assert 1 <= len(same) < len(solid.group)
        moved = same[-3:]
    assert change(solid, unseen[None].expand_as(moved), moved) < 1e-6
    assert change(solid, unseen[None], seen[None]) > 0.05


def test_the_cube_from_the_front_is_the_square_of_its_face() -> None:
    """Its half side over the camera's half width, squared, is the share of the picture that it covers."""
    picture = SOLIDS["cube"].draw(torch.eye(3, dtype=torch.float64)[None])[0]
    share = float(picture.mean() / picture.max())
    assert abs(share - (0.95 / math.sqrt(3) / WINDOW) ** 2) < 0.02
    lit = picture[picture > 0]
    assert float(lit.max()) == pytest.approx(0.12 + 0.88 * 0.5 * (1 + 0.733 / math.hypot(0.40, 0.55, 0.733)), abs=1e-6)


def test_a_solid_turned_in_the_plane_is_the_picture_turned() -> None:
    """The light turns not with it: only the outline does."""
    quarter = Rotations.from_rotation_vector(torch.tensor([0.0, 0.0, math.pi / 2], dtype=torch.float64))
    for solid in SOLIDS.values():
        (rotation,) = some(1)
        before, after = (solid.draw(r[None], marked=False)[0] > 0 for r in (rotation, quarter @ rotation))
        assert int((before.rot90() != after).sum()) <= 2
