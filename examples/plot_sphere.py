r"""
The same walk on a curved space
===============================

Nothing about Langevin walks asks for a flat space: draw a tangent vector, add the gradient, and follow the geodesic. On
the sphere the density :math:`e^{\kappa\,\mu \cdot x}` is the von Mises-Fisher law, of which everything is known: the
cosine to its centre has the density :math:`\kappa e^{\kappa c}/2\sinh\kappa`. The log density is written as if in
space, and its gradient is projected. Denoising leaves flat space in the same way: see ``processes.Brownian`` for
spheres, tori and rotations, and ``processes.CTMC`` for letters.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import chains, spaces

rng = torch.Generator().manual_seed(0)
kappa, centre = 6.0, torch.tensor([0.6, 0.0, 0.8])
density = chains.Density(lambda x: kappa * x @ centre, spaces.Sphere(2))
start = torch.nn.functional.normalize(torch.randn(4000, 3, generator=rng), dim=1)

# %%
# One walk of which every step is kept, and many of which only the end is.

kernel = chains.Geodesic(density, step_size=0.01)
path = chains.run(kernel, start[:1], 1500, rng, keep=1).kept[:, 0]
ends = chains.run(kernel, start, 150, rng).x

# %%

figure = plt.figure(figsize=(7.2, 3.0), layout="constrained")
left = figure.add_subplot(1, 2, 1, projection="3d")
left.plot(*path.T, color="C0", linewidth=0.4, alpha=0.7)
u, v = torch.meshgrid(torch.linspace(0, 2 * math.pi, 30), torch.linspace(0, math.pi, 16), indexing="ij")
ball = [(0.97 * part).numpy() for part in (u.cos() * v.sin(), u.sin() * v.sin(), v.cos())]
left.plot_surface(*ball, color="0.9", alpha=0.25, linewidth=0)
left.set_axis_off()
left.set_box_aspect((1, 1, 1), zoom=1.5)
left.view_init(elev=30, azim=-40)
right = figure.add_subplot(1, 2, 2)
cosine = torch.linspace(-0.5, 1, 200)
right.hist(ends @ centre, bins=60, density=True, color="C0", alpha=0.4, label="4,000 walks")
right.plot(cosine, kappa * torch.exp(kappa * cosine) / (2 * math.sinh(kappa)), color="C1", label="exact")
right.set(xlabel="cosine to the centre", yticks=[], xlim=(-0.5, 1))
right.legend()
plt.show()
