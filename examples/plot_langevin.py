r"""
Langevin walks, and the price of a step
=======================================

To draw from :math:`p \propto e^{-f}` one needs its score :math:`\nabla\log p = -\nabla f` and noise: :math:`x
\leftarrow x + h\nabla\log p(x) + \sqrt{2h}\,z`. The constant that normalises p is never asked for. But the walk is a
discretisation, and it leaves another law than p: on :math:`N(0, \tau^2)` its variance is exactly :math:`\tau^2/(1 -
h/2\tau^2)`, too wide by a share that falls in proportion to the step. The points are what 10,000 chains show, the line
is the formula.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains

# %%
# The target is a log density, up to a constant; its score comes from automatic differentiation. At a step of 1.2 the
# histogram is visibly too wide.

rng = torch.Generator().manual_seed(0)
normal = chains.Density(lambda x: -0.5 * x.square().sum(-1))
steps = [0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]
runs = [chains.run(chains.Langevin(normal, h), torch.zeros(10_000, 1), 80, rng).x for h in steps]

# %%
# Smaller steps are less wrong and walk more slowly: the bias cannot be had away for free. A Metropolis test removes it:
# :doc:`plot_mala`.

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
grid = torch.linspace(-5, 5, 200)
left.hist(runs[-1][:, 0], bins=60, density=True, color="C0", alpha=0.4, label="walk, h = 1.2")
left.plot(grid, torch.exp(-0.5 * grid**2) / (2 * torch.pi) ** 0.5, color="C1", label="target")
left.set(xlabel="x", yticks=[], xlim=(-5, 5))
left.legend()

line = torch.linspace(0, 1.25, 100)
right.plot(line, 1 / (1 - line / 2), color="C1", label=r"$\tau^2/(1 - h/2\tau^2)$")
right.plot(steps, [float(x.var()) for x in runs], "o", color="C0", label="walks")
right.axhline(1, color="0.7", linewidth=0.8)
right.set(xlabel="step h", ylabel="variance of the walk")
right.legend()
plt.show()
