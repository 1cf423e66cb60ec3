r"""Solids, drawn as shaded grey pictures from their rotations, and the rotations that a picture cannot tell apart.

Every solid is convex, so a ray meets it in one interval, the intersection of those of its half-spaces, or of a cylinder
or cone. The camera looks down its own z axis from infinity. Light comes from a direction that is fixed to the camera,
so it keeps every symmetry of the solid; a face of outward normal n has the brightness
$a\,(0.12 + 0.88\,\frac{1 + n\cdot l}2)$, which tells all normals apart by their angle to the light, a being 1, or less
on a mark.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.spaces import Rotations

SIZE = 32  # rows and columns of a picture
FINER = 2  # rays per pixel and axis
WINDOW = 1.05  # half the width that the camera sees
LIGHT = (0.40, 0.55, 0.733)  # towards it, in the frame of the camera
AMBIENT = 0.12
AT_ONCE = 16  # pictures: what fits the caches of a core
TURNS = 180  # of a continuous symmetry, evenly spaced
SEEN = 0.02  # the smallest difference of brightness, of one pixel, by which a mark shows
LEAST = 1e-9

Interval = tuple[Tensor, Tensor, Tensor]  # least and largest depth of rays inside, and the normal at the largest
Shape = Callable[[Tensor, Tensor], Interval]


@dataclass(frozen=True)
class Mark:
    """A disc of paint: what of the surface lies within a distance of a place.

    Args:
        place: (3,), in the frame of the solid.
        reach: the distance.
        paint: the share of light that it throws back.
    """

    place: tuple[float, float, float]
    reach: float
    paint: float


@dataclass(frozen=True, eq=False)
class Solid:
    """A convex solid with marks.

    Args:
        name: what it is called.
        shape: where rays, (n, rays, 3) and their direction (n, 1, 3) in the frame of the solid, are inside.
        group: rotations (g, 3, 3) that leave the solid without its marks as it is; those of a continuous group are
            evenly spaced. None for all rotations, of a sphere.
        finite: whether these are all of them.
        marks: none, or what breaks the symmetry where it shows.
    """

    name: str
    shape: Shape
    group: Tensor | None
    finite: bool
    marks: tuple[Mark, ...] = ()

    def draw(self, rotations: Tensor, marked: bool = True) -> Tensor:
        """Pictures (n, 32, 32) in [0, 1], 0 around the solid, in single precision.

        >>> cube = SOLIDS["cube"]
        >>> picture = cube.draw(torch.eye(3)[None])
        >>> picture.shape, bool(picture[0, 0, 0] == 0), bool(picture[0, 16, 16] > 0.5)
        (torch.Size([1, 32, 32]), True, True)
        """
        marks = self.marks if marked else ()
        return torch.cat([_drawn(self.shape, marks, part) for part in torch.split(rotations, AT_ONCE)]).float()

    def shows(self, rotations: Tensor, cameras: Tensor | None = None) -> Tensor:
        """Whether the mark can be seen, (n,): the picture is not the one of the bare solid.

        Args:
            rotations: (n, 3, 3).
            cameras: what takes the first view to each view that counts, (k, 3, 3); by default the first alone.
        """
        seen = torch.zeros(len(rotations), dtype=torch.bool)
        for camera in torch.eye(3)[None] if cameras is None else cameras:
            views = camera.to(rotations) @ rotations
            seen |= (self.draw(views) - self.draw(views, marked=False)).abs().amax((-2, -1)) > SEEN
        return seen

    def equivalent(self, rotation: Tensor, cameras: Tensor | None = None) -> Tensor:
        """Rotations (g, 3, 3) of the same pictures as this one, (3, 3); evenly spaced ones of a continuum.

        Of a sphere whose mark does not show no list would be fine enough: an empty one.
        """
        rotation = rotation.double()
        if self.marks and bool(self.shows(rotation[None], cameras)):
            return rotation[None]
        if self.group is None:
            return rotation.new_zeros(0, 3, 3)
        candidates = rotation @ self.group
        return candidates[~self.shows(candidates, cameras)] if self.marks else candidates


def _drawn(shape: Shape, marks: tuple[Mark, ...], rotations: Tensor) -> Tensor:
    n, fine = len(rotations), SIZE * FINER
    axis = ((torch.arange(fine, dtype=rotations.dtype) + 0.5) / fine * 2 - 1) * WINDOW
    up, right = torch.meshgrid(-axis, axis, indexing="ij")
    plane = torch.stack([right, up, torch.zeros_like(up)], -1).reshape(-1, 3)
    start, direction = plane @ rotations, rotations[:, 2:, :]  # R^T applied to rays, and to the camera's z axis
    low, high, normal = shape(start, direction)
    light = normal.new_tensor(LIGHT) / math.hypot(*LIGHT) @ rotations
    bright = AMBIENT + (1 - AMBIENT) * 0.5 * (1 + (normal @ light[..., None])[..., 0])
    point = start + high[..., None] * direction
    for mark in marks:
        painted = (point - point.new_tensor(mark.place)).square().sum(-1) < mark.reach**2
        bright = torch.where(painted, mark.paint * bright, bright)
    lit = torch.where(high > low, bright, 0.0).reshape(n, SIZE, FINER, SIZE, FINER)
    return lit.mean((2, 4))


def polyhedron(faces: Tensor, offsets: Tensor) -> Shape:
    r"""$\{x: n_i\cdot x \le d_i\}$ for the normals (n, 3) of faces and offsets (n,)."""

    def shape(start: Tensor, direction: Tensor) -> Interval:
        normals, flat = faces.to(start), offsets.to(start)
        slope = direction @ normals.T  # (n, 1, faces)
        slope = torch.where(slope.abs() < LEAST, LEAST, slope)
        depth = (flat - start @ normals.T) / slope
        high, face = torch.where(slope > 0, depth, math.inf).min(-1)
        low = torch.where(slope > 0, -math.inf, depth).amax(-1)
        return low, high, normals[face]

    return shape


def cylinder(radius: float, half: float) -> Shape:
    """Around the z axis, from -half to half."""

    def shape(start: Tensor, direction: Tensor) -> Interval:
        caps = polyhedron(start.new_tensor([[0, 0, 1], [0, 0, -1]]), start.new_tensor([half, half]))
        flat = start.new_tensor([1.0, 1.0, 0.0])
        side = _round(start * flat, direction * flat, radius, flat)
        return _both(caps(start, direction), side)

    return shape


def sphere(radius: float) -> Shape:
    """Around the origin."""
    return lambda start, direction: _round(start, direction, radius, start.new_ones(3))


def cone(radius: float, base: float, apex: float) -> Shape:
    """Around the z axis: of this radius at z = base, a point at z = apex."""
    steep = radius / (apex - base)

    def shape(start: Tensor, direction: Tensor) -> Interval:
        metric = start.new_tensor([1.0, 1.0, -(steep**2)])
        begin = start - start.new_tensor([0.0, 0.0, apex])
        a, b, c = ((x * y * metric).sum(-1) for x, y in ((direction, direction), (begin, direction), (begin, begin)))
        a = torch.where(a.abs() < LEAST, LEAST, a)
        root = (b**2 - a * c).clamp(min=0).sqrt()
        first, second = (-b - root) / a, (-b + root) / a
        early, late = torch.minimum(first, second), torch.maximum(first, second)
        falls = direction[..., 2] < 0  # towards the wide end with growing depth
        through = a > 0  # in at one side of the mantle and out at the other, else from the base to the mantle
        low = torch.where(through, early, torch.where(falls, late, -math.inf))
        high = torch.where(through, late, torch.where(falls, math.inf, early))
        middle = begin[..., 2] - b / a * direction[..., 2]
        missed = through & ((b**2 < a * c) | (middle > 0))
        low, high = torch.where(missed, math.inf, low), torch.where(missed, -math.inf, high)
        normal = (begin + high.nan_to_num(0, 0, 0)[..., None] * direction) * metric
        normal = normal / torch.linalg.vector_norm(normal, dim=-1, keepdim=True).clamp(min=LEAST)
        floor = polyhedron(start.new_tensor([[0.0, 0.0, -1.0]]), start.new_tensor([-base]))
        return _both(floor(start, direction), (low, high, normal))

    return shape


def _round(start: Tensor, direction: Tensor, radius: float, kept: Tensor) -> Interval:
    """Where rays are within the radius of the origin."""
    a, b, c = (direction**2).sum(-1), (start * direction).sum(-1), (start**2).sum(-1) - radius**2
    a = a.clamp(min=LEAST)
    inside = b**2 - a * c
    root = inside.clamp(min=0).sqrt()
    high = torch.where(inside > 0, (-b + root) / a, -math.inf)
    low = torch.where(inside > 0, (-b - root) / a, math.inf)
    normal = (start + high.nan_to_num(0, 0, 0)[..., None] * direction) * kept
    return low, high, normal / radius


def _both(one: Interval, other: Interval) -> Interval:
    """The intersection."""
    nearer = (one[1] < other[1])[..., None]
    return torch.maximum(one[0], other[0]), torch.minimum(one[1], other[1]), torch.where(nearer, one[2], other[2])


def _symmetries(normals: Tensor) -> Tensor:
    """The rotations (g, 3, 3) that permute these unit vectors: each is known by where it takes two of them."""
    cosines = normals @ normals.T
    second = int(cosines[0].masked_fill(cosines[0] > 0.99, -2).argmax())  # a neighbour of the first
    i, j = ((cosines - cosines[0, second]).abs() < 1e-6).nonzero().T
    frame = _frame(normals[:1], normals[second : second + 1])
    found = _frame(normals[i], normals[j]) @ frame.mT
    images = normals @ found.mT
    kept = ((images @ normals.T).amax(-1) > 1 - 1e-6).all(-1)
    return found[kept]


def _frame(first: Tensor, second: Tensor) -> Tensor:
    """Right-handed orthonormal columns, (n, 3, 3), from two vectors each."""
    across = torch.linalg.cross(first, second)
    across = across / torch.linalg.vector_norm(across, dim=-1, keepdim=True)
    return torch.stack([first, across, torch.linalg.cross(first, across)], -1)


def _turns(flips: bool) -> Tensor:
    """Turns about the z axis, and with flips each also upside down."""
    angles = torch.arange(TURNS, dtype=torch.float64) * (2 * math.pi / TURNS)
    zero = torch.zeros_like(angles)
    turns = Rotations.from_rotation_vector(torch.stack([zero, zero, angles], -1))
    upside_down = torch.diag(turns.new_tensor([1.0, -1.0, -1.0]))
    return torch.cat([turns, turns @ upside_down]) if flips else turns


def _platonic(name: str, corners: list[tuple[float, float, float]], width: float, *marks: Mark) -> Solid:
    """Faces at unit vectors along these corners of the dual solid, with corners at the distance `width`."""
    normals = torch.tensor(corners, dtype=torch.float64)
    normals = normals / torch.linalg.vector_norm(normals, dim=-1, keepdim=True)
    offset = {4: 1 / 3, 6: 1 / math.sqrt(3), 20: math.sqrt((5 + 2 * math.sqrt(5)) / 15)}[len(normals)]
    offsets = torch.full((len(normals),), width * offset, dtype=torch.float64)
    return Solid(name, polyhedron(normals, offsets), _symmetries(normals), True, marks)


GOLDEN = (1 + math.sqrt(5)) / 2
FOUR = [(1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0)]
SIX = [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]
SIGNS = [(a, b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
TWENTY = [(a, b, c) for a, b in SIGNS for c in (-1.0, 1.0)] + [
    corner
    for a, b in SIGNS
    for x, y in [(a / GOLDEN, b * GOLDEN)]
    for corner in ((0.0, x, y), (x, y, 0.0), (y, 0.0, x))
]
_FACE = 0.95 / 3 / math.sqrt(3)  # coordinates of the middle of the first face of the tetrahedron

SOLIDS = {
    solid.name: solid
    for solid in (
        _platonic("tetrahedron", FOUR, 0.95),
        _platonic("cube", SIX, 0.95),
        _platonic("icosahedron", TWENTY, 0.95),
        Solid("cone", cone(0.62, -0.55, 0.85), _turns(flips=False), False),
        Solid("cylinder", cylinder(0.48, 0.78), _turns(flips=True), False),
        Solid(
            "marked sphere",
            sphere(0.85),
            None,
            False,
            (Mark((0.85, 0.0, 0.0), 0.42, 0.3), Mark((0.55, 0.648, 0.0), 0.22, 0.0)),
        ),
        Solid("marked cylinder", cylinder(0.48, 0.78), _turns(flips=True), False, (Mark((0.48, 0.0, 0.36), 0.3, 0.2),)),
        _platonic("marked tetrahedron", FOUR, 0.95, Mark((_FACE - 0.14, _FACE - 0.14, _FACE + 0.28), 0.24, 0.2)),
    )
}
