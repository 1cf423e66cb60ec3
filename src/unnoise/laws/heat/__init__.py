"""Heat kernels of compact manifolds on which they depend on one angle: spheres and rotations."""

from unnoise.laws.heat.high_spheres import sphere_angle as sphere_angle
from unnoise.laws.heat.radial import Jet as Jet
from unnoise.laws.heat.radial import Radial as Radial
from unnoise.laws.heat.rotations import RotationAngle as RotationAngle
