"""Several laws of every cell, side by side: what mixtures of product laws are made of."""

from unnoise.laws.components.base import NUMBERS_AT_ONCE as NUMBERS_AT_ONCE
from unnoise.laws.components.base import Components as Components
from unnoise.laws.components.base import Tally as Tally
from unnoise.laws.components.counts import PoissonComponents as PoissonComponents
from unnoise.laws.components.numbers import NormalComponents as NormalComponents
from unnoise.laws.components.numbers import WrappedNormalComponents as WrappedNormalComponents
from unnoise.laws.components.ordered import OrderedComponents as OrderedComponents
from unnoise.laws.components.states import CategoricalComponents as CategoricalComponents
