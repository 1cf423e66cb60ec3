r"""
The evidence lower bound of T steps, term by term
=================================================

The bound on :math:`\log p(x_0)` under a chain of T steps is :math:`-KL(q(x_T \mid x_0) \Vert p(x_T)) - \sum_{t>1} E\,
KL(q(x_{t-1} \mid x_t, x_0) \Vert p(x_{t-1} \mid x_t)) + E\log p(x_0 \mid x_1)`: prior, steps, reconstruction. The
denoiser here is exact, and still each step costs something, as nobody can tell :math:`x_0` from :math:`x_t`. On the
left, the cost of every step, per unit of time: areas are the sums, and tend to the integral of continuous time. In the
middle, what is lost beside the entropy of the data: long Gaussian steps are wrong, how wrong depends on their variance.
On the right, why: the entropy of the true reverse step lies between those of two Gaussian ones (Sohl-Dickstein et al.).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from unnoise import denoisers, evaluation, laws, processes, schedules, spaces

modes = torch.tensor([[-0.98], [0.98]]).double()
law = laws.GaussianMixture(torch.tensor([0.5, 0.5]).double(), modes, torch.full((2, 1, 1), 0.04).double())
process = processes.variance_preserving(spaces.Euclidean(1), schedules.LinearLogSNR(8.0, -8.0))
denoiser = denoisers.ExactMixture(process, law)

# %%
# Expectations over data and noise are sums over the nodes of a quadrature. ``chain.kl`` is what a step costs.

z, mass = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(60))
data, mass = (modes + 0.2 * z).reshape(-1, 1), (mass / mass.sum()).repeat(2) / 2


def mean(noising, cost, t, time):
    marginal = noising.marginal(data, t)
    x_t = (marginal.mean[:, None] + marginal.scale * z[:, None]).reshape(-1, 1)
    each = cost(denoiser(x_t, time), data.repeat_interleave(60, 0), x_t, t)
    return float(torch.einsum("kij,i,j->", each.view(2, 60, 60), mass[:60], 2 * mass[:60]))


def prices(chain):
    return torch.tensor([mean(chain, chain.kl, t, chain.time(t)) for t in torch.arange(2, chain.steps + 1)])


heights = {steps: prices(processes.Chain(process, processes.even_times(steps))) * (steps - 1) for steps in (8, 24)}
times = torch.linspace(0, 1, 60).double()
continuous = [mean(process, process.kl_rate, t, t) for t in times]

# %%
# Three variances of the reverse steps: for known :math:`x_0`, for data that are noise, and the best there is. Without a
# quadrature ``evaluation.StepBound`` draws the noise, and tells its error.

counts, lost = [4, 8, 16, 32, 64, 128], {"small": [], "large": [], "analytic": []}
rng, truth = torch.Generator().manual_seed(0), float(mass @ law.log_prob(data))
sample = law.sample(rng, (4000,))
for steps in counts:
    chain = processes.Chain(process, processes.even_times(steps))
    best = processes.AnalyticVariance.estimate(process, chain.times, denoiser, sample, rng)
    ends = sum(float(mass @ part) for part in chain.divergences(data).values())
    for found, rule in zip(lost.values(), (processes.SmallVariance(), processes.LargeVariance(), best), strict=True):
        found.append(truth - ends + float(prices(processes.Chain(process, processes.even_times(steps), rule)).sum()))

# %%
# The entropy of a step back is that of a step forth, and the difference of two marginals.

chain, line = processes.Chain(process, processes.even_times(16)), torch.linspace(-6, 6, 4001).double()[:, None]


def entropy(t):
    alpha, sigma = process.alpha_sigma(chain.time(t))
    marginal = laws.GaussianMixture(law.weights, alpha * modes, alpha**2 * law.covariances + sigma**2)
    return float(torch.trapezoid(torch.special.entr(marginal.log_prob(line).exp()), line[:, 0]))


steps = torch.arange(2, 17)
low, high = torch.tensor([evaluation.entropy_bounds(chain, data, t, rng) for t in steps]).T
true = [float(forth) + entropy(t - 1) - entropy(t) for forth, t in zip(high, steps, strict=True)]

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(7.2, 2.8), layout="constrained")
for (count, bars), color in zip(heights.items(), ("C5", "C1"), strict=True):
    left.stairs(bars, torch.linspace(0, 1, count), color=color, fill=True, alpha=0.45, label=count)
left.plot(times, continuous, color="C0", label="infinitely many")
left.set(xlabel="time", ylabel="nats per unit of time", xlim=(0, 1))
left.legend(title="steps")
for (name, found), color in zip(lost.items(), ("C1", "C3", "C0"), strict=True):
    middle.loglog(counts, found, "o-", color=color, markersize=3.5, label=name)
middle.set(xlabel="steps T", ylabel="nats lost")
middle.legend()
right.fill_between(steps, low, high, color="0.85", label="bounds")
right.plot(steps, true, color="C0", label="true step")
right.set(xlabel="step t of 16", ylabel="entropy, nats")
right.legend()
plt.show()
