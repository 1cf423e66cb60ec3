r"""
Ask one model anything
======================

Noise acts on every cell of a row by itself, so cells may stand at times of their own: a *given* cell at t = 0, an
*unknown* one at t = 1, where noise says nothing of it, and the *asked* ones on their way from 1 to 0. So one denoiser
that is told which is which answers p(A | B) for all A and B. Here is a table of two columns. A quarter of its rows have
a hole; some of these are drawn as lines, since one of their cells is unknown. The denoiser says how y is spread where x
is one half, as draws and as a density, beside the rows that lie near; and it fills the holes, each row given what it
has. Where the law has two branches, so have the draws; a single best guess would lie between them.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, evaluation, laws, processes, samplers, spaces

rng = torch.Generator().manual_seed(0)
angle = torch.linspace(0, math.pi, 25)
moons = torch.cat([torch.stack([angle.cos(), angle.sin()], 1), torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)])
law = laws.GaussianMixture(torch.full((50,), 1 / 50), moons, 0.012 * torch.eye(2).expand(50, 2, 2))
rows = law.sample(rng, (800,)).float()
missing = torch.zeros(800, 2, dtype=torch.bool)
missing[:100, 0] = missing[100:200, 1] = True  # x, then y

# %%
# The denoiser is the closed form for the known law; a trained one takes its place for data. A question says, row by
# row, which cells are asked and which are given, and stands where a condition would.

process = processes.variance_preserving(spaces.Euclidean(2))
model = denoisers.Answering(denoisers.ExactMixture(process, law))

first = torch.tensor([[True, False]]).expand(600, 2)
half = torch.tensor([[0.5, 0.0]]).expand(600, 2)
spread = samplers.Multistep(model).sample(600, rng, denoisers.question(process, ~first, first, half))[:, 1]

side = torch.linspace(-1.0, 1.5, 100)
places = torch.stack([torch.full_like(side, 0.5), side], 1)
asks = denoisers.question(process, ~first[:100], first[:100], places)
density = evaluation.ProbabilityFlow()(model, places, rng, asks).log_prob.exp()  # p(y | x = .5)

gaps = missing[:200]
filled = samplers.Multistep(model).sample(200, rng, denoisers.question(process, gaps, ~gaps, rows[:200]))

# %%

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.5), layout="constrained", sharey=True)
panels[0].scatter(*rows[200:].T, s=3, color="C0", linewidths=0)
for x in rows[100:115, 0]:
    panels[0].axvline(x, color="C1", linewidth=0.5)
for y in rows[:15, 1]:
    panels[0].axhline(y, color="C1", linewidth=0.5)
whole = rows[200:]
near = whole[(whole[:, 0] - 0.5).abs() < 0.15, 1]
bins = side[::4]
panels[1].hist(near, bins, density=True, orientation="horizontal", color="0.85", label="rows near")
panels[1].hist(spread, bins, density=True, orientation="horizontal", histtype="step", color="C1", label="draws")
panels[1].plot(density, side, color="C2", label="density")
panels[1].legend(frameon=False, fontsize=8)
panels[2].scatter(*whole.T, s=3, color="C0", linewidths=0, alpha=0.4)
panels[2].scatter(*filled.T, s=4, color="C1", linewidths=0)
for axes, title in zip(panels, ("rows, and rows with a hole", "y given x = 0.5", "holes filled"), strict=True):
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9)
for axes in panels[::2]:
    axes.set(xlim=(-1.4, 2.4), ylim=(-1.0, 1.5))
plt.show()
