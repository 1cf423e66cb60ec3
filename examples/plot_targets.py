r"""
A zoo of targets with known answers
===================================

Samplers are tried on densities about which everything is known. Each of these gives its log density; most give exact
samples (the points), all but the posterior of the logistic regression their normalising constant. Far modes test
whether weights are found, rings whether a walk goes round, the funnel whether one step size serves for many scales, the
lattice field and the spins whether many coordinates that want to agree can turn over together.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import laws, targets

rng = torch.Generator().manual_seed(0)
tumours = targets.LogisticRegression.breast_cancer()
zoo = {
    "TwoModes(2)": (targets.TwoModes(2), 7.0),
    "ring()": (targets.ring(), 3.0),
    "Rings()": (targets.Rings(), 5.0),
    "Funnel(2)": (targets.Funnel(2), 9.0),
    "EllipticalGaussian": (targets.EllipticalGaussian.geometric(2, 0.1, 4.0), 6.0),
    "Phi4(2), two sites": (targets.Phi4(2, mass=-4.0), 3.0),
    "LogisticRegression": (targets.LogisticRegression(tumours.features[:30, 1:3], tumours.labels[:30]), 4.0),
}

# %%
# Densities in the plane, with exact samples where there are any; the last panel shows exact draws of 4 x 4 spins.

figure, panels = plt.subplots(2, 4, figsize=(7.2, 4.0), layout="constrained")
for axes, (name, (target, half)) in zip(panels.flat, zoo.items(), strict=False):
    side = torch.linspace(-half, half, 160)
    log_density = target.log_prob(torch.cartesian_prod(side, side)).reshape(160, 160).T
    axes.imshow(
        (log_density - log_density.max()).clamp(min=-8).numpy(),
        extent=(-half, half, -half, half),
        origin="lower",
        cmap="Blues",
        aspect="auto",
    )
    if isinstance(target, laws.Law):
        x = target.sample(rng, (150,))
        axes.scatter(*x[(x.abs() < half).all(1)].T, s=3, color="C1", linewidths=0)
    axes.set(title=name, xticks=[], yticks=[])

spins = targets.Ising((4, 4), coupling=0.4407).sample(rng, (16,))
tiles = torch.nn.functional.pad(spins.double(), (0, 1, 0, 1), value=0.5).reshape(4, 4, 5, 5)
panels[1, 3].imshow(tiles.permute(0, 2, 1, 3).reshape(20, 20).numpy(), cmap="Blues", interpolation="nearest")
panels[1, 3].set(title="Ising((4, 4))", xticks=[], yticks=[])
plt.show()
