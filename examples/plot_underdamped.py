r"""
Underdamped walks, three integrators
====================================

A walker with a velocity goes on in its direction for a while, so it covers ground faster than one that forgets at every
step. Each integrator splits the motion into drift, kick and friction in its own order, and each asks for one score per
step. On a Gaussian of variance 1 the positions of ``Sachs`` (the walk of walk-jump sampling) and ``BAOAB`` have exactly
the right variance at every stable step, while ``Cheng``, which freezes the score over the step, drifts off and then
diverges. On the right, why it pays: how soon the walk forgets where it was.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains

rng = torch.Generator().manual_seed(0)
normal = chains.Density(lambda x: -0.5 * x.square().sum(-1), gradient=lambda x: -x)
deltas = {
    chains.Sachs: [0.1, 0.4, 0.7, 1.0, 1.3, 1.6],
    chains.BAOAB: [0.1, 0.4, 0.7, 1.0, 1.3, 1.6],
    chains.Cheng: [0.1, 0.3, 0.5, 0.7, 0.9, 1.1],
}
start = torch.randn(8000, 1, generator=rng)
variances = {
    kernel: [float(chains.run(kernel(normal, delta), start, 60, rng).x.var()) for delta in steps]
    for kernel, steps in deltas.items()
}

# %%
# Memory, on a Gaussian that is ten times longer than it is wide. The narrow side limits the step of both walks; at the
# same number of scores the underdamped one forgets the long side sooner.

long = torch.tensor([10.0, 1.0])
ellipse = chains.Density(lambda x: -0.5 * (x / long).square().sum(-1), gradient=lambda x: -x / long**2)
start = long * torch.randn(500, 2, generator=rng)
memory = {}
for name, kernel in (("Langevin, h = 0.5", chains.Langevin(ellipse, 0.5)), ("Sachs", chains.Sachs(ellipse, 1.0, 0.1))):
    kept = chains.run(kernel, start, 150, rng, keep=1).kept[..., 0]
    memory[name] = [float((start[:, 0] * x).mean() / start[:, 0].square().mean()) for x in kept]

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
for (kernel, steps), marker in zip(deltas.items(), "osv", strict=True):
    left.plot(steps, variances[kernel], marker=marker, markersize=4, label=kernel.__name__)
left.axhline(1, color="0.7", linewidth=0.8, zorder=0)
left.set(xlabel=r"step $\delta$", ylabel="variance of positions")
left.legend()
for (name, values), color in zip(memory.items(), ("0.5", "C0"), strict=True):
    right.plot(values, color=color, label=name)
right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
right.set(xlabel="scores asked for", ylabel="correlation with the start")
right.legend()
plt.show()
