r"""
The schedule does not matter, until you measure
===============================================

Only the signal-to-noise ratio of :math:`x_t = \alpha x_0 + \sigma\varepsilon` matters: with :math:`\lambda =
\log(\alpha^2/\sigma^2)`, the loss is :math:`\tfrac12\int E\,\mathrm{SNR}\,\lVert x_0 - \hat x_0\rVert^2\,d\lambda`, an
integral in which no clock appears (Kingma et al. 2021). Here :math:`x_0` is a fair coin, :math:`\pm1`, and the denoiser
is exact. So under every schedule with the same ends the loss must be the entropy of the coin, :math:`\log 2 = 0.69`.

What a clock decides is where one looks. Each panel shows the losses of single draws, at uniform times, and the share of
the integral that lies at each time: the area is always :math:`\log 2`, the spread of the draws is not.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, objectives, processes, schedules, spaces

rng = torch.Generator().manual_seed(0)
coin = torch.tensor([[-1.0], [1.0]])
top, bottom = 4.0, -10.0
clocks = {
    "linear log SNR": schedules.LinearLogSNR(top, bottom),
    "cosine": schedules.Cosine(*(2 / math.pi * math.atan(math.exp(-0.5 * end)) for end in (top, bottom))),
    "any function": schedules.LogSNR(lambda t: top - (top - bottom) * t**2),
    "learnt": schedules.Learned(top, bottom, units=16),
}


def denoiser(clock):
    return denoisers.Exact(processes.VariancePreserving(spaces.Euclidean(1), clock), coin)


def draw(n):
    return coin[torch.randint(2, (n,), generator=rng)]


# %%
# The last one learns: ``objectives.VDM`` moves the interior of the schedule down the variance of the loss. With a
# network in place of the exact denoiser, the same objective trains both.

learnt = clocks["learnt"]
optimiser = torch.optim.Adam(learnt.parameters(), lr=0.03)
for _ in range(100):
    optimiser.zero_grad()
    objectives.VDM()(denoiser(learnt), draw(128), None, rng).value.mean().backward()
    optimiser.step()
learnt.requires_grad_(False)

# %%
# ``objectives.snr_form`` has every equation by its own name; ``rate_loss`` is the price per unit of time.

figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.9), layout="constrained", sharey=True)
for axes, (name, clock) in zip(panels, clocks.items(), strict=True):
    process, x_0, t = denoiser(clock).process, draw(20_000), torch.rand(20_000, generator=rng)
    x_t = process.marginal(x_0, t).sample(rng)
    loss = objectives.snr_form.rate_loss(process, x_0, denoiser(clock)(x_t, t), t)
    share = torch.bincount((t * 25).long(), loss, minlength=25) / torch.bincount((t * 25).long(), minlength=25)
    axes.scatter(t[:1500], loss[:1500], s=2, color="C0", alpha=0.35, linewidth=0)
    axes.stairs(share, torch.linspace(0, 1, 26), color="C1", fill=True, alpha=0.6)
    error = float(loss.std()) / 20_000**0.5
    numbers = f"mean {float(loss.mean()):.2f} ± {error:.2f}\nvariance {float(loss.var()):.1f}"
    axes.set_title(f"{name}\n{numbers}", fontsize=9)
    axes.set(xlabel="t", xlim=(0, 1), ylim=(0, 6))
panels[0].set_ylabel("loss of one draw, nats")
plt.show()
