r"""
How much noise each step should add
===================================

With few steps it matters how the noise is shared among them. The evidence lower bound is a function of
:math:`\beta_1, \dots, \beta_T`; draw its noise once and keep it, and it is a smooth one, with a gradient
(Sohl-Dickstein et al. 2015). Only :math:`\beta_1` stays what it was: it says how sharp the data are seen. Here T = 12,
and the denoiser is exact whatever the betas are; a network would learn along with them, by ``objectives.StepKL``.
From a line and from the published rule :math:`1/(T - t + 1)` the climb ends in one place, with about a quarter of the
loss: steps of this variance are so dear where they are long that it is better to take short ones and to start from a
prior that is not quite right.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, evaluation, processes, spaces, targets, training

steps, first = 12, 0.01
target = targets.Modes(torch.tensor([0.3, 0.7]), torch.tensor([[-1.4], [0.6]]), 0.25)
data = target.sample(torch.Generator().manual_seed(0), (8000,)).double()


def model(betas):
    process = processes.variance_preserving(spaces.Euclidean(1), betas)
    return processes.Chain(process, processes.even_times(steps)), denoisers.ExactMixture(
        process, target.mixture
    ).double()


def lost(betas):
    """What the bound lacks, in nats, and its error."""
    chain, denoiser = model(betas)
    gap = target.log_prob(data) - evaluation.StepBound(chain, draws=32)(denoiser, data, generator()).log_prob
    return float(gap.mean()), float(gap.std()) / len(data) ** 0.5


def generator():
    return torch.Generator().manual_seed(1)


# %%
# ``learn_betas`` changes the schedule that it is given, and gives what was learnt.

starts = {"on a line": (first, *processes.linear_betas(steps, first, 0.6)[1:]), "1/(T - t + 1)": None}
starts["1/(T - t + 1)"] = processes.erasing_betas(steps, first)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
t = torch.arange(1, steps + 1)
for color, size, (name, betas) in zip(("C1", "C2"), (7, 3.5), starts.items(), strict=True):
    chain, denoiser = model(processes.LearnedBetas(betas))
    learnt = training.learn_betas(chain, denoiser, data, generator(), iterations=25)
    for marker, one, label in (("o:", processes.Betas(betas), name), ("s-", learnt, f"{name}, learnt")):
        gap, error = lost(one)
        print(f"{label:24} loses {gap:.3f} ± {error:.3f} nats")
        left.semilogy(
            t, one.betas, marker, color=color, markersize=size, linewidth=1.2, label=f"{label}: lost {gap:.2f}"
        )
        right.plot(t, [float(value) for value in torch.exp(-one.knots)], marker, color=color, markersize=size)
left.set(xlabel="step t", ylabel=r"$\beta_t$")
left.legend(fontsize=7)
right.set(xlabel="step t", ylabel=r"$\bar\alpha_t$")
plt.show()
