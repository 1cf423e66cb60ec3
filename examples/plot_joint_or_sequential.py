r"""
All measurements at once, or one after the other
================================================

Two modes, far apart, with weights .8 and .2 (Saremi, Park, Bach 2023). A chain on the density itself stays in the mode
that it falls into. Measurements :math:`Y_k = X + \sigma N_k` with a large :math:`\sigma` help in two ways. *Jointly*, a
chain walks on all m of them at once; but their law is as hard as m is large. *Sequentially*, each is drawn given the
mean of those before; every one of these conditionals is log-concave, the walk is easy, and a jump from the last mean is
a sample. At no more than 600 scores per sample only the sequential scheme has the weights right.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets
from unnoise.chains import diagnostics

d, n, budget = 8, 1500, 600
target = targets.TwoModes(d)
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
middle = torch.zeros(n, d)
sigma = diagnostics.log_concave_sigma(3 * math.sqrt(d), 1.0)  # from here on p(y_1) is log-concave

# %%
# Growing precision spends the scores where they are needed, and ends at a level so fine that jumps keep the width of
# the modes.

levels = chains.growing_levels(sigma, 15, last=0.2)
sequential = chains.Sequential(smoothed, levels, steps=2, first=150)
rng = torch.Generator().manual_seed(0)
law = target
samples = {
    "underdamped on p": chains.run(chains.Sachs(law, 0.5, 0.5), torch.randn(n, d, generator=rng), budget, rng).x,
    "joint, m = 16": chains.WalkJump(smoothed, sigma, budget, m=16).sample(middle, rng),
    f"sequential, m = {len(levels)}": sequential.sample(middle, rng),
}

# %%
# Positions along the line through both modes; the number is the share in the right mode, .80 in the target.

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.6), layout="constrained", sharex=True, sharey=True)
grid = torch.linspace(-15, 15, 400)
line = targets.TwoModes(1, separation=6 * math.sqrt(d)).log_prob(grid[:, None]).exp()
for axes, (name, x) in zip(panels, samples.items(), strict=True):
    axes.fill_between(grid, line, color="C1", alpha=0.35, linewidth=0)
    axes.hist(x.sum(1) / math.sqrt(d), bins=90, range=(-15, 15), density=True, histtype="step", color="C0")
    axes.set(title=f"{name}: {float((x.sum(1) > 0).float().mean()):.2f}", yticks=[], xlabel=r"$x \cdot 1/\sqrt{d}$")
plt.show()
