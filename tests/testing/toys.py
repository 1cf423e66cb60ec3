"""Small processes on states of every kind: integers, real numbers, and a dict of them. No check need know them."""

from __future__ import annotations

import torch

from unnoise.processes import CTMC, Brownian, product
from unnoise.processes.rates import UniformRates
from unnoise.spaces import Finite, Torus

CHAIN, CIRCLE = CTMC(Finite(2, 3), UniformRates(3)), Brownian(Torus(1))
PRODUCT = product({"word": CHAIN, "angle": CIRCLE})
WORDS = torch.tensor([[0, 0], [1, 2], [2, 1]])
ANGLES = torch.tensor([[0.3], [2.0], [-1.5]])
EXAMPLES = {
    "chain": (CHAIN, WORDS),
    "circle": (CIRCLE, ANGLES),
    "product": (PRODUCT, {"word": WORDS, "angle": ANGLES}),
}
