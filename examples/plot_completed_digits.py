r"""
Digits completed
================

One model of 8 x 8 handwritten digits, trained for a minute, is asked for the lower halves of digits that it has
never seen. It was not trained for this question: any pixels may be given, and NaN marks those that are wanted. What is
drawn differs where the upper half leaves a choice, as between 3, 2 and 7, and agrees where it does not. The simplest
rival is the training digit whose upper half is nearest: always a fine digit, but a single answer, and often the wrong
one. The energy score judges both, E\|X - y\| - E\|X - X'\| / 2 for draws X, X' and the truth y. Lower is better.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import unnoise
from unnoise import networks

digits = load_digits()
train, test = train_test_split(digits.images.astype("uint8"), test_size=100, random_state=0)
small = partial(networks.UNet, width=16)
quick = {"steps": 800, "batch_size": 64, "learning_rate": 3e-3, "ema": 0.98, "validation": 0, "progress": False}
model = unnoise.DenoisingMarkovModel(network=small, random_state=0, **quick).fit(train)

# %%
# The lower halves are hidden, and filled four times.

shown = test.astype(float)
shown[:, 4:] = np.nan
draws = np.stack(model.impute(shown, draws=4, seed=0)).reshape(4, -1, 8, 8).astype(float)
unlike = ((train[:, None, :4] - shown[:, :4]) ** 2).sum((2, 3))
nearest = train[unlike.argmin(0)].astype(float)


def distance(x, y):
    """Between the grey values of digits."""
    return np.sqrt(((x - y) ** 2).sum((-2, -1)))


between = sum(distance(draws[i], draws[j]) for i in range(4) for j in range(i)) / 6
score = distance(draws, test).mean() - between.mean() / 2
print(f"energy score: {score:.1f}; of the nearest training digit {distance(nearest, test).mean():.1f}")

# %%


def show(axes, image, drawn):
    """What is given in grey, and what is drawn in blue."""
    for chosen, colors in ((~drawn, "gray_r"), (drawn, "Blues")):
        axes.imshow(np.where(chosen, image, np.nan), cmap=colors, vmin=0, vmax=16)
    axes.set(xticks=[], yticks=[], facecolor="0.92")
    axes.spines[:].set_visible(False)


rows = {"given": shown} | {f"draw {i}": draw for i, draw in enumerate(draws, 1)} | {"truth": test, "nearest": nearest}
hidden = np.arange(8)[:, None] >= np.full(8, 4)
figure, panels = plt.subplots(len(rows), 12, figsize=(7.2, 4.4), layout="constrained")
for line, (name, images) in zip(panels, rows.items(), strict=True):
    for axes, image in zip(line, images, strict=False):
        show(axes, image, hidden & name.startswith("draw"))
    line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
plt.show()
