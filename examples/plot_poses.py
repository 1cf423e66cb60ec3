r"""
Poses with all their modes
==========================

How is a molecule turned in its picture? Four equal atoms at the corners of a tetrahedron, the nearer the brighter, look
the same after each of twelve turns: so the right answer to a picture is a law on the rotations with twelve peaks, of
which a regression would return a useless mean. Here the law is a mixture of heat kernels around 216 anchors, and a
network reads their weights, places and widths from the picture. It is trained by likelihood, so draws and densities are
exact, also under noise. Below, each rotation is a point of the globe: where it takes one direction of the molecule.
Circles are the twelve truths; the model has learnt from pictures, and nobody told it of any symmetry.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, networks, processes, spaces

space, rng = spaces.Rotations(), torch.Generator().manual_seed(0)
corners = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])


def draw(rotations):
    """Pictures of 16 x 16 pixels, flat."""
    x, y, z = (0.43 * corners @ rotations.mT)[..., None].unbind(-2)
    side = torch.linspace(-1, 1, 16)
    across, down = (torch.exp(-12.5 * (side - place) ** 2) for place in (x, -y))
    return torch.einsum("nbi,nbj,nb->nij", down, across, 0.5 + 0.67 * z[..., 0]).flatten(1)


# %%
# Learn from 20,000 pictures of random rotations. Of each only the twelve nearest anchors count, which saves time.

rotations = space.uniform(20_000).sample(rng).float()
pictures = draw(rotations)
i = torch.arange(216) + 0.5  # super-Fibonacci spirals, evenly spread (Alexa 2022)
a, b, u, v = (i / 216).sqrt(), (1 - i / 216).sqrt(), i * math.tau / math.sqrt(2), i * math.tau / 1.533751168755204
anchors = space.from_quaternion(torch.stack([a * u.sin(), a * u.cos(), b * v.sin(), b * v.cos()], -1))
nearest = (rotations.flatten(1) @ anchors.flatten(1).T.float()).topk(12).indices
model = denoisers.HeatMixture(processes.Brownian(space), networks.MLP((1,), 256, (216, 5), depth=2), anchors)
optimiser = torch.optim.Adam(model.parameters(), fused=True)
rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, 1600, pct_start=0.05)
for _ in range(1600):
    rows = torch.randint(len(rotations), (64,), generator=rng)
    loss = -model.law(pictures[rows], chosen=nearest[rows]).log_prob(rotations[rows].double()).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    rate.step()

# %%
# Fresh pictures, and 300 draws for each. What lies farther than 20 degrees from all truths is grey.

test = space.uniform(40).sample(rng).float()
draws = model.law(draw(test)).sample(rng, (300,)).detach().transpose(0, 1)
group = torch.stack([torch.diag(signs) @ torch.eye(3).roll(k, 0) for signs in corners for k in range(3)])
truths = test[:, None] @ group
near = space.distance(draws[:, :, None], truths[:, None].double()).amin(2) < math.radians(20)
print(f"{near.float().mean():.0%} of the draws are within 20 degrees of one of twelve truths")

# %%


def place(rotations):
    """Where they take one direction: longitude and latitude."""
    x, y, z = (rotations.float() @ torch.tensor([0.2, 0.55, 0.81])).T
    return torch.atan2(y, x), torch.asin(z.clamp(-1, 1))


figure = plt.figure(figsize=(7.2, 2.8), layout="constrained")
grid = figure.add_gridspec(2, 4, width_ratios=[1, 2.2, 1, 2.2])
for k in range(4):
    picture = figure.add_subplot(grid[2 * k], xticks=[], yticks=[])
    picture.imshow(draw(test[k : k + 1]).reshape(16, 16).numpy(), cmap="gray")
    globe = figure.add_subplot(grid[2 * k + 1], projection="mollweide")
    globe.scatter(*place(draws[k]), s=3, c=["C0" if one else "0.6" for one in near[k]])
    globe.scatter(*place(truths[k]), s=60, facecolors="none", edgecolors="C5")
    globe.set(xticks=[], yticks=[])
plt.show()
