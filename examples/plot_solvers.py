r"""
Which solver gets furthest with few evaluations
===============================================

The flow that takes noise to data is a differential equation, and evaluations of the network are what it costs. DDIM is
of order 1. Heun's method is of order 2, and pays two evaluations a step. Multistep solvers remember what the network
said before: DPM-Solver++ in the form :math:`\hat x_0`, our default, ``Multistep``, in that of the velocity. Here the
denoiser is exact, so all of the error is the solver's: the distance from where 1000 steps of Heun's method end, over
500 starts. On the right, lines go from there to where 10 evaluations lead.

Orders are slopes, and show from some twenty evaluations on. Below, what counts is how well a form suits large steps.
:doc:`/solvers` has more solvers, and other targets.
"""

import math
import warnings

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, processes, samplers, spaces, targets

ring = targets.ring(8, radius=2.0, scale=0.15)
denoiser = denoisers.ExactMixture(processes.variance_exploding(spaces.Euclidean(2), 0.002, 20.0), ring.mixture).double()
start = 20 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

# %%
# A solver is named by what it does, and takes its number of steps; Heun's n steps cost 2n - 1 evaluations.

solvers = {
    "DDIM": samplers.DDIM,
    "Heun": lambda denoiser, calls: samplers.Heun(denoiser, (calls + 1) // 2),
    "linear multistep": samplers.linear_multistep,
    "DPM-Solver++ (2M)": samplers.dpm_solver_pp,
    "Multistep (the default)": samplers.Multistep,
}
warnings.simplefilter("ignore", samplers.InaccurateSamplesWarning)  # how coarse steps may be is the question
budgets = [5, 7, 10, 14, 20, 28, 40, 56]


def end(sampler):
    return sampler.run(start, torch.Generator().manual_seed(0))


# %%

truth = end(samplers.Heun(denoiser, 1000))
errors = {
    name: [float((end(solver(denoiser, calls)) - truth).square().sum(1).mean().sqrt()) for calls in budgets]
    for name, solver in solvers.items()
}
for name, found in errors.items():
    slope = math.log(found[-4] / found[-1]) / math.log(budgets[-1] / budgets[-4])
    print(f"{name:24} {'  '.join(f'{error:.4f}' for error in found)}   slope {slope:.1f}")

figure, panels = plt.subplot_mosaic("AAAB;AAAC", figsize=(7.2, 3.6), layout="constrained")
for name, found in errors.items():
    panels["A"].loglog(budgets, found, "o-", markersize=3.5, label=name)
panels["A"].set(xlabel="evaluations of the network", ylabel="root mean squared error")
panels["A"].set_xticks([5, 10, 20, 40], ["5", "10", "20", "40"])
panels["A"].set_xticks([], minor=True)
panels["A"].legend()

for panel, name, color in (("B", "DDIM", "C0"), ("C", "Multistep (the default)", "C4")):
    axes, x = panels[panel], end(solvers[name](denoiser, 10))
    for there, here in zip(truth, x, strict=True):
        axes.plot(*torch.stack([there, here]).T, color=color, linewidth=1.2)
    axes.scatter(*truth.T, s=1.5, color="0.3", linewidths=0)
    axes.set(aspect="equal", xticks=[], yticks=[], xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
    axes.set_title(name, fontsize=8)
plt.show()
