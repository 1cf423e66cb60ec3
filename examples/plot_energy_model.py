r"""
An energy learnt without its constant
=====================================

An energy-based model is :math:`p(x) \propto e^{-E(x)}`, and its normalising constant is out of reach. Score matching
never asks for it: Hyvärinen's objective :math:`\frac12\lVert\nabla\log p\rVert^2 + \Delta\log p` is computed at the
data alone, and is least where the model's score is that of the data. Here the energy is that of a small lattice field,
of which three couplings are to be found from samples. They come out as they were put in, and walks on the learnt
energy, of which no constant is asked either, make new fields.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, objectives, spaces, targets

rng = torch.Generator().manual_seed(0)
truth = targets.Phi4(4, mass=-2.0, coupling=0.5)  # a ring of four sites
walk = chains.tune(chains.MALA(truth, 0.05), 0.3 * torch.randn(3000, 4, generator=rng), rng, steps=50)
data = chains.run(walk.kernel, walk.state, 100, rng).x

# %%
# ``objectives.ScoreMatching`` takes any function to (n,) as a log density, on any space. A network would do; three
# couplings can be compared with the truth.

couplings = torch.zeros(3, requires_grad=True)


def log_density(x):
    terms = [0.5 * x.square(), x**4, 0.5 * (x.roll(-1, -1) - x).square()]
    return -torch.stack([term.sum(-1) for term in terms], -1) @ couplings


optimiser = torch.optim.LBFGS([couplings], max_iter=100, line_search_fn="strong_wolfe")
objective = objectives.ScoreMatching(spaces.Euclidean(4))


def loss():
    optimiser.zero_grad()
    value = objective(log_density, data).value.mean()
    value.backward()
    return value


optimiser.step(loss)

# %%
# On the right, two neighbours of the field: the data, and walks on the learnt energy.

start = 0.3 * torch.randn(2000, 4, generator=rng)
learnt = chains.run(chains.MALA(chains.Density(log_density), walk.kernel.step_size), start, 100, rng).x

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.6), layout="constrained")
names = ["$m^2$", r"$\lambda$", "stiffness"]
panels[0].bar(names, [-2.0, 0.5, 1.0], width=0.7, color="C1", alpha=0.4, label="truth")
panels[0].plot(names, couplings.detach(), "o", color="C0", label="learnt")
panels[0].axhline(0, color="0.7", linewidth=0.8, zorder=0)
panels[0].legend(loc="lower right")
for axes, points, color, name in ((panels[1], data, "C1", "data"), (panels[2], learnt, "C0", "learnt energy")):
    axes.scatter(*points[:2000, :2].T, s=1.5, color=color, alpha=0.5, linewidths=0)
    axes.set(title=name, aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xlabel=r"$\phi_1$", ylabel=r"$\phi_2$")
plt.show()
