r"""
Noise forward, score backward
=============================

The Ornstein-Uhlenbeck process :math:`dX = -X\,d\tau + \sqrt2\,dB` turns any law into a standard normal: :math:`X_\tau =
e^{-\tau}X_0 + \sqrt{1 - e^{-2\tau}}\,N`. Run backwards it needs the score of every law :math:`r_\tau` on the way:
:math:`y \leftarrow y + \gamma y + 2\gamma\nabla\log r_\tau(y) + \sqrt{2\gamma}\,z`.

Shrinking is not what matters, noise is: :math:`e^\tau X_\tau = X_0 + \sigma N` with :math:`\sigma = \sqrt{e^{2\tau} -
1}`. So :math:`\nabla\log r_\tau(x) = e^\tau\,\nabla\log q_\sigma(e^\tau x)`, and a smoothed density is all that is
needed. The figure shows the same law twice: on top as the process shrinks it, below as noise of growing width blurs it.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, processes, samplers, spaces, targets

rng = torch.Generator().manual_seed(0)
target = targets.Modes(torch.tensor([0.7, 0.3]), torch.tensor([[-2.0], [2.0]]), 0.4)
process = processes.ornstein_uhlenbeck(spaces.Euclidean(1), horizon=3.0)

# %%
# With the exact denoiser of the process, the library's Euler sampler is the iteration above. It ends with the right
# share of points in each mode.

sampler = samplers.Euler(denoisers.ExactMixture(process, target.mixture), steps=300)
paths = [sampler.start(3000, rng)]
samples = sampler.run(paths[0], rng, on_step=lambda index, t, x: paths.append(x))
share = float((samples < 0).float().mean())

# %%
# The laws :math:`r_\tau`, and the backward paths from right to left.

taus = torch.linspace(3, 0, 300)
figure, (upper, lower) = plt.subplots(2, 1, figsize=(7.2, 4.4), layout="constrained", sharex=True)
backward = torch.cat(paths, 1)
upper.plot(taus, backward[:40].T, color="C0", alpha=0.25, linewidth=0.7)
upper.set(ylabel=r"$X_\tau$", title=f"backward: {share:.3f} of the samples end in the mode of weight 0.700")
for tau in (0.0, 0.25, 0.75, 1.3, 2.0):
    sigma = math.sqrt(math.expm1(2 * tau))
    grid = torch.linspace(-4, 4, 1200) * math.hypot(2, sigma)
    law = targets.Modes(target.weights, target.means, math.hypot(0.4, sigma))
    density = law.log_prob(grid[:, None]).exp()
    shown = density > 0.01 * density.max()
    height = 0.3 * density / density.max()
    lower.fill_betweenx(grid[shown], tau, tau + height[shown], color="C1", alpha=0.5, linewidth=0)
    upper.fill_betweenx(
        grid[shown] * math.exp(-tau), tau, tau + height[shown], color="C1", alpha=0.5, linewidth=0, zorder=3
    )
lower.set(xlabel=r"$\tau$", ylabel=r"$e^\tau X_\tau = X_0 + \sigma N$")
plt.show()
