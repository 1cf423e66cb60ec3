r"""
A Metropolis test makes Langevin exact
======================================

MALA takes a Langevin step as a proposal and accepts it with the probability that keeps p as it is, whatever the step.
On the left, a density with two bumps: plain Langevin at a large step fills the valley between them, MALA at the same
step does not.

Then the only question is which step walks fastest. Small ones go nowhere, large ones are refused; in many dimensions
the best is where 57 % of the moves are accepted (Roberts, Rosenthal 1998), and in the 8 of the right panel nearly so.
``chains.tune`` finds that step by itself: the star.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains

rng = torch.Generator().manual_seed(0)
bumps = chains.Density(lambda x: torch.logaddexp(-2 * (x[:, 0] - 1.2) ** 2, -((x[:, 0] + 1.0) ** 2)))
start = torch.randn(6000, 1, generator=rng)
walks = {kernel.__name__: chains.run(kernel(bumps, 0.3), start, 60, rng).x for kernel in (chains.Langevin, chains.MALA)}

# %%
# How far do chains move per step? The mean squared jump says, as the step grows from far too small to far too large.

normal = chains.Density(lambda x: -0.5 * x.square().sum(-1), gradient=lambda x: -x)
x = torch.randn(2000, 8, generator=rng)
accepted, moved = [], []
for h in torch.logspace(-1.6, 0.5, 22).tolist():
    trace = chains.run(chains.MALA(normal, h), x, 5, rng, keep=1)
    accepted.append(trace.acceptance)
    moved.append(float(trace.kept.diff(dim=0).square().sum(-1).mean()))
tuned = chains.tune(chains.MALA(normal, 0.01), x, rng, steps=60)
at_tuned = chains.run(tuned.kernel, x, 5, rng, keep=1)

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
grid = torch.linspace(-4, 3, 300)
density = bumps.log_prob(grid[:, None]).exp()
left.fill_between(grid, density / torch.trapezoid(density, grid), color="C1", alpha=0.35, linewidth=0, label="target")
for (name, points), color in zip(walks.items(), ("0.5", "C0"), strict=True):
    left.hist(points[:, 0], bins=70, range=(-4, 3), density=True, histtype="step", color=color, label=name)
left.set(xlabel="x", yticks=[])
left.legend(loc="upper left")

right.plot(accepted, moved, "o-", color="C0", markersize=4)
jump = float(at_tuned.kept.diff(dim=0).square().sum(-1).mean())
right.plot(at_tuned.acceptance, jump, "*", color="C1", markersize=14, label=f"tuned, h = {tuned.kernel.step_size:.2f}")
right.set(xlabel="share of moves accepted", ylabel="mean squared jump")
right.legend()
plt.show()
