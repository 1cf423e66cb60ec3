"""Targets of docs/your-density.md that cause each doubt and note, and what to do about it, which works.

They are walked on once: more attempts than one take longer and seldom help here.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest
import torch

import unnoise
from unnoise.laws import Normal
from unnoise.walking import Interval, Positive

F64 = torch.float64
PAGE = Path(__file__).resolve().parents[2] / "docs" / "your-density.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="no documentation here")

NORMAL = 0.5 * math.log(2 * math.pi)
WIDE = Normal(torch.zeros(2, dtype=F64), torch.tensor(1.5, dtype=F64), 1)


def ripples(x):
    return 10 * torch.cos(20 * x).sum(1) - x.square().sum(1) / 2


def ridge(x):
    return -(x[:, 0] ** 2) / 2 - ((x[:, 1] - x[:, 0] ** 2) / 0.001) ** 2 / 2


def straightened(z):
    """x_1 = z_0^2 + .001 z_1."""
    return ridge(torch.stack([z[:, 0], z[:, 0] ** 2 + 0.001 * z[:, 1]], 1)) + math.log(0.001)


def funnel(x):
    return -(x[:, 0] ** 2) / 18 - (x[:, 1:] ** 2).sum(1) * torch.exp(-x[:, 0]) / 2 - (x.shape[1] - 1) * x[:, 0] / 2


def unrolled(z):
    """x_i = z_i exp(x_0 / 2)."""
    return funnel(torch.cat([z[:, :1], z[:, 1:] * torch.exp(z[:, :1] / 2)], 1)) + (z.shape[1] - 1) * z[:, 0] / 2


def bent(x):
    return -(x[:, 0] ** 2) / 2 - (x[:, 1] - 3 * x[:, 0] ** 2) ** 2 / 2 - x[:, 2:].square().sum(1) / 2


def unbent(z):
    """x_1 = z_1 + 3 z_0^2."""
    return bent(torch.cat([z[:, :1], z[:, 1:2] + 3 * z[:, :1] ** 2, z[:, 2:]], 1))


def heavy(x):
    return -0.6 * torch.log1p(x**2).sum(1)


def by_sinh(u):
    return heavy(torch.sinh(u)) + torch.cosh(u).log().sum(1)


def half(x):
    return x.log().sum(1) - x.sum(1)


PLACE = 2.45 * torch.tensor([1, -1, 1, 1, -1, 1], dtype=F64)


def far(x):
    """.7 in a narrow mode, whose slope is seen from hardly anywhere."""
    narrow = -0.5 * ((x - PLACE) / 0.2).square().sum(1) - 6 * math.log(0.2)
    return torch.logaddexp(-0.5 * x.square().sum(1) + math.log(0.3), narrow + math.log(0.7))


def share(x):
    return -0.9 * (x.log() + torch.log1p(-x)).sum(1)


def odds(z):
    sigmoid = torch.nn.functional.logsigmoid
    return 0.1 * (sigmoid(z) + sigmoid(-z)).sum(1)


EFFECTS = torch.tensor([28, 8, -3, 7, -1, 1, 18, 12], dtype=F64)
ERRORS = torch.tensor([15, 10, 16, 11, 9, 11, 10, 18], dtype=F64)


def schools(x):
    """Rubin's eight schools: mu, log tau, and theta of each, which is normal given these."""
    mu, log_tau, theta = x[:, :1], x[:, 1:2], x[:, 2:]
    return effects(mu, log_tau, theta) - (((theta - mu) / log_tau.exp()) ** 2 / 2 + log_tau).sum(1)


def uncentred(z):
    """theta = mu + tau z."""
    mu, log_tau, theta = z[:, :1], z[:, 1:2], z[:, :1] + z[:, 1:2].exp() * z[:, 2:]
    return effects(mu, log_tau, theta) - z[:, 2:].square().sum(1) / 2


def effects(mu, log_tau, theta):
    prior = -(mu**2) / 50 - torch.log1p((log_tau.exp() / 5) ** 2) + log_tau
    return prior[:, 0] - (((theta - EFFECTS) / ERRORS) ** 2).sum(1) / 2


def schools_z():
    """By quadrature over log tau, given which all else is normal."""
    t = torch.linspace(-30, 15, 10**4, dtype=F64)
    covariance = torch.diag_embed(ERRORS**2 + (2 * t).exp()[:, None]) + 25
    told = torch.distributions.MultivariateNormal(torch.zeros(8, dtype=F64), covariance).log_prob(EFFECTS)
    integral = torch.trapezoid((told + t - torch.log1p((t.exp() / 5) ** 2)).exp(), t)
    return float(integral.log() + ERRORS.log().sum()) + math.log(5) + 17 * NORMAL


SHARE_Z = 2 * math.lgamma(0.1) - math.lgamma(0.2)
HEAVY_Z = math.log(math.sqrt(math.pi) * math.gamma(0.1) / math.gamma(0.6))
RIPPLES_Z = 2 * math.log(
    torch.trapezoid(ripples(torch.linspace(-9, 9, 10**5, dtype=F64)[:, None]).exp(), dx=18 / (10**5 - 1))
)

RIDGE = (ridge, {"dimension": 2}, straightened, {"dimension": 2}, 2 * NORMAL + math.log(0.001))
FUNNEL, WIDE_FUNNEL, WIDER = (
    (funnel, {"dimension": d}, unrolled, {"dimension": d}, math.log(3) + d * NORMAL) for d in (5, 6, 20)
)
SCHOOLS = (schools, {"dimension": 10}, uncentred, {"dimension": 10}, schools_z())
NO_MODE = "climbs came to no mode, and some went higher than all"
ROWS = {
    "populations, or earlier and later draws, disagree": RIDGE,
    "log Z is uncertain": RIDGE,
    "the share of a mode": RIDGE,
    "two estimates of log Z disagree": WIDER,
    NO_MODE: SCHOOLS,
    "chains never moved": FUNNEL,
    "the mean slope": WIDE_FUNNEL,
    "climbs met several modes but once": (
        ripples, {"dimension": 2}, ripples, {"dimension": 2, "guess": WIDE}, RIPPLES_Z,
    ),
    "went on moving": (bent, {"dimension": 4}, unbent, {"dimension": 4}, 4 * NORMAL),
    "degrees of freedom": (heavy, {"dimension": 1}, by_sinh, {"dimension": 1}, HEAVY_Z),
    "so near to a bound": (share, {"parameters": Interval(0, 1, 1)}, odds, {"dimension": 1}, SHARE_Z),
    "a last look": (far, {"dimension": 6}, far, {"dimension": 6, "start": PLACE[None]}, 6 * NORMAL),
    "of the evaluations were NaN or infinite": (half, {"dimension": 1}, half, {"parameters": Positive(1)}, 0.0),
}  # fmt: skip
QUICK = ("of the evaluations were NaN or infinite",)
FEW = ("a last look", "the mean slope", "two estimates of log Z disagree", NO_MODE, *QUICK)  # particles are enough
WALKED: dict[tuple, unnoise.walking.Walk] = {}  # as some targets cause several doubts


def walked(target, options, few):
    key = (target, *options, few)
    if key not in WALKED:
        WALKED[key] = unnoise.walk(target, n=500, **options)
    return WALKED[key]


@pytest.mark.parametrize(
    "words", [pytest.param(words, marks=[] if words in QUICK else [pytest.mark.slow]) for words in ROWS]
)
def test_a_target_causes_it_and_the_advice_works(words, monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    if words in FEW:
        monkeypatch.setattr(module, "PARTICLES", 256)
    if words == "a last look":  # the first one finds it from most places
        monkeypatch.setattr(importlib.import_module("unnoise.walking.scouting"), "PROBES", 1)
    target, options, better, advised, log_z = ROWS[words]

    def told(found):
        return " ".join((*found.verdict.doubts, *found.verdict.notes))

    assert words in told(walked(target, options, words in FEW))
    found = walked(better, advised, words in FEW)
    assert words not in told(found)
    assert found.trusted
    assert found.log_z == pytest.approx(log_z, abs=0.1)


@pytest.mark.parametrize("words", ROWS)
def test_the_page_has_it(words):
    assert any(words in row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| "))
