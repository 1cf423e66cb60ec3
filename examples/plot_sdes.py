r"""
Three ways to destroy data
==========================

All of them are :math:`dx = f x\,dt + g\,dB` and lead to :math:`x_t = \alpha(t)x_0 + \sigma(t)\varepsilon`. The
variance-exploding process keeps the data and buries it under growing noise. The variance-preserving one shrinks the
data as the noise comes in, so that data of unit variance keep it; the sub-variance-preserving one adds less noise on
the way. Thin lines are paths by small steps of the generator, the band is one standard deviation around the known mean:
paths and kernel agree. What a sampler needs to undo any of them is the same: :math:`E[x_0 \mid x_t]`.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import processes, spaces

space = spaces.Euclidean(1)
noises = {
    "variance exploding": processes.variance_exploding(space, 0.01, 5.0),
    "variance preserving": processes.variance_preserving(space),
    "sub-variance preserving": processes.sub_variance_preserving(space),
}
times = torch.linspace(0, 1, 401, dtype=torch.float64)

# %%
# ``process.forward`` is the generator, ``space.move`` one small step of it, ``process.marginal`` the law at any time.

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.6), layout="constrained")
for axes, (name, process) in zip(panels, noises.items(), strict=True):
    rng = torch.Generator().manual_seed(0)
    data = torch.tensor([[-1.5], [1.5]], dtype=torch.float64)
    path = [data.repeat_interleave(12, 0)]
    for t in times[:-1]:
        path.append(space.move(path[-1], process.forward(path[-1], t), times[1]).sample(rng))
    axes.plot(times, torch.cat(path, 1).T, color="C0", linewidth=0.5, alpha=0.35)
    alpha, sigma = process.alpha_sigma(times)
    for x_0 in (-1.5, 1.5):
        axes.fill_between(times, alpha * x_0 - sigma, alpha * x_0 + sigma, color="C1", alpha=0.3, linewidth=0)
        axes.plot(times, alpha * x_0, color="C1")
    axes.set(title=name, xlabel="t")
panels[0].set_ylabel(r"$x_t$")
plt.show()
