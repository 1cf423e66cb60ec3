r"""
The schedule does not matter, until you measure
===============================================

Only the signal-to-noise ratio of :math:`x_t = \alpha x_0 + \sigma\varepsilon` matters: with :math:`\lambda =
\log(\alpha^2/\sigma^2)`, the loss is :math:`\tfrac12\int E\,\mathrm{SNR}\,\lVert x_0 - \hat x_0\rVert^2\,d\lambda`, an
integral in which no clock appears (Kingma et al. 2021). Here :math:`x_0` is standard normal in 8 dimensions, and the
denoiser is exact. So under every schedule with the same ends the loss must be what the noise takes away of it, :math:`4
\log((1 + \mathrm{SNR}_0)/(1 + \mathrm{SNR}_1)) = 24.0` nats.

What a clock decides is where one looks. Each panel shows the losses of single draws at uniform times, and their mean at
each time: the area below is always the same, the spread of the draws is not.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, heads, laws, objectives, processes, schedules, spaces
from unnoise.objectives import snr_form

rng = torch.Generator().manual_seed(0)
normal = laws.GaussianMixture(torch.ones(1), torch.zeros(1, 8), torch.eye(8)[None])
top, bottom = 6.0, -10.0
clocks = {
    "linear log SNR": schedules.LinearLogSNR(top, bottom),
    "cosine": schedules.Cosine(*(2 / math.pi * math.atan(math.exp(-0.5 * end)) for end in (top, bottom))),
    "any function": schedules.LogSNR(lambda t: top - (top - bottom) * t**2),
    "learnt": schedules.Learned(top, bottom, units=16),
}


def denoiser(clock):
    return denoisers.ExactMixture(processes.variance_preserving(spaces.Euclidean(8), clock), normal)


# %%
# The last one learns: ``objectives.VDM`` moves the interior of the schedule down the variance of the loss. With a
# network in place of the exact denoiser, the same objective trains both.

learnt = clocks["learnt"]
optimiser = torch.optim.Adam(learnt.parameters(), lr=0.03)
for _ in range(100):
    optimiser.zero_grad()
    objectives.VDM()(denoiser(learnt), normal.sample(rng, (128,)), None, rng).value.mean().backward()
    optimiser.step()
learnt.requires_grad_(False)

# %%
# A step from t to s costs the same in five words: what is missed of the data, of the noise, of the force, how far apart
# two posteriors are, and, where the step is short, its length times the price of a unit of log SNR.

exact, x_0 = denoiser(clocks["cosine"]), normal.sample(rng, (4,))
process, t = exact.process, objectives.times.low_discrepancy(4, rng)
s = t - 1e-3
x_t = process.transition(process.marginal(x_0, s).sample(rng), s, t).sample(rng)
guesses = x_0, exact(x_t, t)
noises = [snr_form.noise(process, guess, x_t, t) for guess in guesses]
forces = [snr_form.force(process, guess, x_t, t) for guess in guesses]
right, wrong = (process.bridge(guess, x_t, t, s) for guess in guesses)
print(snr_form.step_loss(process, *guesses, s, t))
print(snr_form.noise_loss(process, *noises, t, s))
print(snr_form.force_loss(process, *forces, t, s))
print(0.5 * ((right.mean - wrong.mean) / right.scale).square().sum(1))
print(snr_form.level_loss(process, *guesses, t) * (process.log_snr(s) - process.log_snr(t)))

# %%
# The guess can be had from the force by Tweedie's formula, or from the noise, which is what the head ``Eps`` does.

alpha, sigma = (part[:, None] for part in process.alpha_sigma(t))
same = snr_form.tweedie(process, forces[1], x_t, t) / alpha, heads.Eps(process).x_0(noises[1], x_t, alpha, sigma)
print([float((guess - guesses[1]).abs().max()) for guess in same])

# %%
# ``snr_form`` has every equation by its own name; ``rate_loss`` is the price per unit of time.

figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.9), layout="constrained", sharey=True)
for axes, (name, clock) in zip(panels, clocks.items(), strict=True):
    process, x_0, t = denoiser(clock).process, normal.sample(rng, (20_000,)), torch.rand(20_000, generator=rng)
    x_t = process.marginal(x_0, t).sample(rng)
    loss = snr_form.rate_loss(process, x_0, denoiser(clock)(x_t, t), t)
    place, error = (t * 25).long(), float(loss.std()) / 20_000**0.5
    axes.scatter(t[:1500], loss[:1500], s=2, color="C0", alpha=0.35, linewidth=0)
    mean = torch.bincount(place, loss, minlength=25) / torch.bincount(place, minlength=25)
    axes.stairs(mean, torch.linspace(0, 1, 26), color="C1", fill=True, alpha=0.6)
    axes.set_title(f"{name}\nmean {float(loss.mean()):.2f} ± {error:.2f}\nvariance {float(loss.var()):.0f}", fontsize=9)
    axes.set(xlabel="t", xlim=(0, 1), xticks=(0, 0.5, 1), xticklabels=("0", ".5", "1"), ylim=(0, 100))
panels[0].set_ylabel("loss of one draw, nats")
plt.show()
