r"""
Bits that are forgotten and remembered
======================================

Noise need not be Gaussian. In the binomial diffusion of Sohl-Dickstein et al. (2015) a bit is drawn anew from a coin,
in step t with probability :math:`\beta_t = 1/(T - t + 1)`, so what survives falls on a line. Their binary heartbeat has
a one in every fifth of 20 places: five sequences, so no model can do better than :math:`\log_2\frac15 = -2.32` bits.

The denoiser here knows the five, so all that is lost is lost by the steps: each draws its bits as if they were
independent given what is left, and the more steps there are, the fewer bits does each have to remember: the loss is of
order 1/T. A part of a sequence can be given, too: of the product of the learnt law with what is known, steered
particles draw the rest.
"""

import math

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, evaluation, processes, samplers, spaces

rng = torch.Generator().manual_seed(0)
beats = (torch.arange(20) % 5 == torch.arange(5)[:, None]).long()


def model(steps):
    chain = processes.binomial_chain(spaces.Finite(20, 2), mean=0.2, steps=steps)
    return chain, denoisers.Exact(chain.process, beats)


# %%
# Forth and back in 200 steps.

chain, denoiser = model(200)
data = beats[torch.randint(5, (12,), generator=rng)]
noised = [chain.marginal(data, torch.tensor(t)).sample(rng) for t in (20, 80, 200)]
sampler = samplers.ChainSteps(denoiser, chain)
states = [sampler.start(12, rng)]
restored = sampler.run(states[0], rng, on_step=lambda index, t, state: states.append(state.clone()))
frames = {"data": data} | {f"t = {t}": x for t, x in zip((20, 80, 200), noised, strict=True)}
frames |= {"back: t = 80": states[120], "t = 20 ": states[180], "restored": restored}

# %%
# There must be no one in places 7 and 8.

steered = samplers.TwistedSMC(
    denoiser, lambda x: torch.where(x[:, 7:9].sum(1) == 0, 0.0, -12.0), particles=32, steps=60
)
frames["not in 7, 8"] = steered.weigh(12, rng).draw(1, rng)[:, 0]

# %%
# The bound K in its published parts; as the data have the mean of the coins, what ``edge`` adds is zero.

counts, bits = [4, 10, 30, 100, 300, 1000], math.log(2)
losses, errors = [], []
for steps in counts:
    chain, denoiser = model(steps)
    found = evaluation.StepBound(chain, draws=8192)(denoiser, beats, rng)
    losses.append(-found.mean[0] / bits - math.log2(5))
    errors.append(found.mean[1] / bits)
print({name: round(float(part.mean()) / bits, 3) for name, part in found.parts.items()})

figure = plt.figure(figsize=(7.2, 3.8), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[6, 5])
for axes, (name, frame) in zip(upper.subplots(1, 8), frames.items(), strict=True):
    axes.imshow(frame.numpy(), cmap="Blues", aspect="auto", interpolation="nearest", vmin=0, vmax=1.2)
    axes.set(xticks=[], yticks=[])
    axes.set_title(name.strip(), fontsize=8)
axes = lower.subplots()
axes.errorbar(
    counts,
    losses,
    [2 * error for error in errors],
    fmt="o",
    markersize=4,
    capsize=2,
    label=r"$-K - \log_2 5$, two standard errors",
)
axes.loglog(counts[1:], [losses[3] * 100 / count for count in counts[1:]], color="0.6", linewidth=1, label="order 1/T")
axes.set(xlabel="steps T", ylabel="bits lost")
axes.legend()
plt.show()
