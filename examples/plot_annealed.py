r"""
Annealed Langevin finds the right weights
=========================================

The toy of the first score-based generative model (Song, Ermon 2019): four fifths of the mass around (5, 5), one fifth
around (-5, -5). Langevin walks from a uniform start weigh the modes by where they began, since none of them ever
crosses the empty middle. Annealed Langevin walks on the law blurred by much noise first, where there is one mode and
nothing to cross, and then on less and less noisy ones. The shares settle while crossing is still easy, and are .8 and
.2 at the end.

**A factor of two**: the paper moves by :math:`\frac\alpha2\nabla\log q_\sigma + \sqrt\alpha z`, its code by
:math:`\alpha\nabla\log q_\sigma + \sqrt{2\alpha}z` with the same number for the smallest step. ``chains.Annealed`` is
the code's, ``chains.Annealed.as_written`` the paper's: half the step.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets

rng = torch.Generator().manual_seed(1)
target = targets.Modes(torch.tensor([0.8, 0.2]), torch.tensor([[5.0, 5.0], [-5.0, -5.0]]), 1.0)
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
start = 16 * torch.rand(4000, 2, generator=rng) - 8

# %%
# Both get 1,000 scores per sample: Langevin in one go, annealed Langevin as 50 steps at each of twenty levels.

stuck = chains.run(chains.Langevin(target, 0.05), start, 1000, rng).x
sigmas = torch.logspace(1.3, 0, 20).tolist()
levels = []
annealed = chains.Annealed(smoothed, sigmas, steps=50, epsilon=0.1)
annealed.sample(start, rng, on_step=lambda index, x: levels.append(x))

# %%
# The number is the share of samples on the upper right; contours are those of the blurred law.

shown = [("Langevin", 0.0, stuck)] + [
    (f"annealed, $\\sigma$ = {sigmas[i]:.1f}", sigmas[i], levels[i]) for i in (8, 14, 19)
]
figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.3), layout="constrained", sharex=True, sharey=True)
side = torch.linspace(-13, 13, 80)
grid = torch.cartesian_prod(side, side)
for axes, (name, sigma, x) in zip(panels, shown, strict=True):
    blurred = targets.Modes(target.weights, target.means, (1 + sigma**2) ** 0.5).log_prob(grid).exp().reshape(80, 80).T
    axes.contour(side, side, blurred / blurred.max(), levels=[0.05, 0.2, 0.4, 0.6, 0.8], colors="C1", linewidths=0.7)
    axes.scatter(*x[:1500].T, s=1.5, color="C0" if sigma else "0.5", alpha=0.5, linewidths=0)
    axes.set(title=f"{name}\n{float((x.sum(1) > 0).float().mean()):.2f}", aspect="equal", xticks=[], yticks=[])
    axes.set(xlim=(-13, 13), ylim=(-13, 13))
plt.show()
