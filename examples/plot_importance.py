r"""
From a bound to the likelihood, by importance weights
=====================================================

A model of T steps has a likelihood of its own, :math:`p(x_0) = E_q[p(x_T)\prod_t p(x_{t-1} \mid x_t)/q(x_t \mid
x_{t-1})]`, an expectation over trajectories of the noise (Sohl-Dickstein et al. 2015). The mean of the logarithm of one
weight is the lower bound; the logarithm of the mean of k weights is a better one, and the likelihood itself for many
(Burda et al. 2016). This model takes 8 steps, and its denoiser is exact, but Gaussian steps that long are too narrow:
the true law of a step has two modes. So the bound is far below the density of the model's own samples, and weighted
bounds climb to it.

How far a finite k is from the end, nobody can tell by the number alone. The effective number of trajectories warns.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, evaluation, processes, samplers, schedules, spaces, targets

rng = torch.Generator().manual_seed(0)
target = targets.Modes(torch.tensor([0.4, 0.6]), torch.tensor([[-1.1], [0.8]]), 0.3)
process = processes.variance_preserving(spaces.Euclidean(1), schedules.LinearLogSNR(4.0, -7.0))
chain = processes.Chain(process, processes.even_times(8))
denoiser = denoisers.ExactMixture(process, target.mixture)

# %%
# The bound of every point of a grid, and weighted bounds: means of many repeats.

x = torch.linspace(-2.3, 2.3, 47)[:, None]
bounds = {"bound K": evaluation.StepBound(chain, draws=16_384)(denoiser, x, rng).log_prob}
for k, repeats in ((8, 512), (1024, 4)):
    found = evaluation.ImportanceWeighted(chain, k)(denoiser, x.repeat(repeats, 1), rng)
    bounds[f"k = {k}"] = found.log_prob.view(repeats, -1).mean(0)

# %%
# How tight it gets: 200 repeats at one point, in one go, from weights that are drawn once.

counts, middle = [2**j for j in range(11)], torch.tensor([[0.0]])
weighted = evaluation.ImportanceWeighted(chain, 200 * 1024)
log_weights = weighted.log_weights(denoiser, middle, rng)[0]
truth = log_weights.logsumexp(0) - torch.log(torch.tensor(200.0 * 1024))
tight = [float((log_weights.view(-1, k).logsumexp(1) - torch.log(torch.tensor(float(k)))).mean()) for k in counts]
effective = [float(samplers.effective_size(log_weights.view(-1, k)).mean()) for k in counts]
print(f"the likelihood {float(truth):.3f}, the bound {tight[0]:.3f}, with 1024 weights {tight[-1]:.3f}")

# %%

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 2.9), layout="constrained", width_ratios=[3, 2, 2])
states = []  # the last of them is x_1, and the model's last step is N(alpha x_1, sigma^2)
samplers.ChainSteps(denoiser, chain).sample(60_000, rng, batch_size=60_000, on_step=lambda k, t, x: states.append(x))
alpha, sigma = process.alpha_sigma(torch.zeros(()))
made = alpha * states[-1] + sigma * torch.randn(states[-1].shape, generator=rng)
left.hist(made[:, 0], bins=80, range=(-2.3, 2.3), density=True, color="0.85", label="the model's samples")
for color, (name, found) in zip(("C1", "C2", "C0"), bounds.items(), strict=True):
    left.plot(x[:, 0], found.exp(), color=color, label=name)
left.set(xlabel=r"$x_0$", ylabel="density", ylim=(0, None))
left.legend(fontsize=7)
middle.semilogx(counts, tight, "o-", markersize=3.5)
middle.axhline(float(truth), color="0.5", linewidth=1, linestyle="--")
middle.set(xlabel="trajectories k", ylabel=r"nats, at $x_0 = 0$")
right.loglog(counts, effective, "o-", markersize=3.5, label="effective")
right.loglog(counts, counts, color="0.6", linewidth=1, label="k")
right.set(xlabel="trajectories k")
right.legend()
plt.show()
