r"""Poses of solids from their pictures, as laws on SO(3) (DMM's experiment on SYMSOL; Murphy et al. 2021).

One model for eight solids, given one view or two: a denoiser of Brownian motion on rotations, whose score is the slope
of a potential of harmonic features (`pose_potential`); draws and densities are those of its probability flow. Beside
it, trained for as many seconds of one core on the same pictures with the same encoder, an Implicit-PDF head, and a
regression of one rotation.

Two measures say whether the modes of a symmetric solid are found. `right modes` is strict, of draws: all modes are
visited, and at most 5 % of draws are astray. `modes counted right` is of the density: its tops are as many as the
solid's symmetries, and one is near each (`pose_modes`). Fifty draws for each mode are judged, and at least a thousand:
of a thousand for sixty modes, a third of its share passes one of them by in 5 % of the runs of a perfect sampler.

Log-likelihoods are in Implicit-PDF's convention: with respect to a volume of $\pi^2$, in which the uniform law has
$-\log\pi^2 = -2.29$. The rotation of a test view is drawn uniformly, so it is one at random of those of the same
picture, and the mean over views is one over equivalent truths as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from experiments.base import Experiment, Outcome, Published, Setting
from experiments.figures import picture_table, pose_maps
from experiments.pose_encoder import Components
from experiments.pose_flow import Flow, groups
from experiments.pose_judge import Tally, mean, standard_error
from experiments.pose_loss import Denoised
from experiments.pose_modes import Pairs, Weighted, right_modes
from experiments.pose_potential import Potentials
from experiments.pose_rivals import Grid, Single
from experiments.pose_training import Trained, fit
from experiments.pose_views import CAMERAS, NAMES, Views
from experiments.solids import SOLIDS, Solid
from unnoise._seeding import generator, seeded
from unnoise.evaluation import ProbabilityFlow
from unnoise.spaces import Rotations

MINUTES, RIVAL_MINUTES, SINGLE_MINUTES = 9.0, 9.0, 1.0  # of one core
PAIRS = 16_000  # of pictures by both cameras, of each solid
TEST = {"one view": 200, "two views": 100}  # of each solid
FEWER = {"one view": 32, "two views": 16}  # of them, for the grid, which takes longer
MOST_MARKED = 40  # views of a marked solid whose draws are judged, by pictures of all that could be equivalent
DRAWS, OF_EACH = 1000, 50  # from the law of each view, and at least so many for each mode
TO_UNIT = math.log(8)  # from the volume 8 pi^2 to pi^2
SYMMETRIC, MARKED = NAMES[:5], NAMES[5:]
SOURCE = "Implicit-PDF, Murphy et al. 2021, on SYMSOL: other pictures, a larger network, 100,000 steps"


def run(setting: Setting) -> Outcome:
    """Draw the pictures, train three methods, judge them on fresh views."""
    torch.set_num_threads(1)
    rng, quick = generator(setting.seed), setting.quick
    tell = setting.part(0.0, 0.1)
    views = Views.drawn(8 if quick else PAIRS, rng, lambda done: tell(done / len(NAMES), "pictures"))
    test = Views.drawn(2 if quick else max(TEST.values()), rng)
    seconds = 0.01 if quick else 60.0
    with seeded(setting.seed):
        components = Components(views)
        ours, single = Potentials.untrained(components), Single(components)
        grid = Grid(components, 16, 64) if quick else Grid(components)
    denoised = Denoised(ours, rng, kept=256) if quick else Denoised(ours, rng)
    plans: dict[str, tuple[nn.Module, Trained, float, tuple[int, float], Callable[[float, str], None]]] = {
        "model": (ours, denoised, MINUTES, (128, 3e-3), setting.part(0.1, 0.45)),
        "implicit-pdf": (grid, grid.loss, RIVAL_MINUTES, (32, 3e-4), setting.part(0.45, 0.8)),
        "one rotation": (single, single.loss, SINGLE_MINUTES, (128, 1e-3), setting.part(0.8, 0.85)),
    }
    steps = {
        name: fit(module, loss, views, minutes * seconds, batch_size=rows, rate=rate, tell=tell)
        for name, (module, loss, minutes, (rows, rate), tell) in plans.items()
    }
    tell = setting.part(0.85, 1.0)
    measured: dict[str, Any] = {}
    for number, name in enumerate(NAMES):
        for given, count in TEST.items():
            few = FEWER[given]
            measured[f"{name}, {given}"] = _judged(ours, grid, single, test, number, given, 2 if quick else count, few)
        tell((number + 1) / len(NAMES), f"judging the {name}")
    summary = _summary(measured) | _flow_check(ours, test, rng)
    trained = {"training_steps": steps, "training_minutes_of_one_core": [MINUTES, RIVAL_MINUTES, SINGLE_MINUTES]}
    published = {
        "five symmetric solids: log-likelihood": Published(4.10, SOURCE),
        "three marked solids: log-likelihood": Published(7.57, SOURCE),
    }
    figures = {"": _maps(ours, grid, test), "-solids": _table(setting.seed)}
    return Outcome(summary | measured | trained, published, figures, NOTES)


NOTES = (
    "log-likelihoods: nats for the volume pi^2, uniform -2.29; spread: mean angle in degrees from draws to the nearest "
    "rotation of the same picture",
    "right modes: every equivalent rotation gets a third of its share of the draws, of which there are 50 for each and "
    "at least 1000; at most 5 % of them are farther than 20 degrees from all",
    "modes counted right: the density has as many tops as there are equivalent rotations, one within 20 degrees of "
    "each; tops are higher than all within 20 degrees, and hold at least half the mean share of those that count",
    "pictures are our own, of 32 x 32 pixels, so published numbers are no rivals",
    "all methods: the same encoder, pictures, optimiser and schedule; tetrahedra and solids with marks are shown twice "
    "as often as the others",
)


@torch.no_grad()
def _judged(
    ours: Potentials, grid: Grid, single: Single, test: Views, number: int, given: str, count: int, few: int
) -> dict[str, float]:
    """All methods on views of one solid."""
    rng, solid, cameras = generator(number), SOLIDS[NAMES[number]], CAMERAS[given]
    judged, wanted = (MOST_MARKED if solid.marks else count), _wanted(solid)
    rotations, cond = (part[:count] for part in test.of(number, given == "two views"))
    own = Flow(ours, cond).log_prob(rotations).double() + TO_UNIT
    laws = [law for group in groups(cond[:judged], wanted) for law in _drawn(Flow(ours, group), wanted, rng)]
    draws = torch.stack([law[0] for law in laws])
    found = _row("model", own, Tally.of(solid, rotations[:judged], draws, cameras))
    found |= _counted("model", solid, rotations, laws)
    if solid.marks:
        shows = solid.shows(rotations, cameras)
        for words, chosen in (("mark seen", shows), ("mark hidden", ~shows)):
            found[f"views, {words}"] = int(chosen.sum())
            if chosen.any():
                found[f"model: log-likelihood, {words}"] = mean(own[chosen])
    scores = grid.scores(cond[:few])
    theirs = grid.log_prob(rotations[:few], cond[:few], scores)
    drawn = grid.draws(scores, wanted, rng)
    found |= _row("implicit-pdf", theirs, Tally.of(solid, rotations[:few], drawn, cameras))
    found |= _counted("implicit-pdf", solid, rotations, grid.weighted(scores), grid.near)
    better = own[: len(theirs)] - theirs
    found |= {"model less implicit-pdf": mean(better), "model less implicit-pdf_se": standard_error(better)}
    one = Tally.of(solid, rotations[:judged], single(cond[:judged])[:, None], cameras)
    return found | {"one rotation: spread": mean(one.spread), "one rotation: spread_se": standard_error(one.spread)}


def _wanted(solid: Solid) -> int:
    """How many draws to judge for each view."""
    several = solid.group if solid.finite and not solid.marks else None
    return DRAWS if several is None else max(DRAWS, OF_EACH * len(several))


def _drawn(flow: Flow, count: int, rng: torch.Generator) -> list[Weighted]:
    """The law of each view as draws, with the potential there, and even weights."""
    draws = flow.sample(count, rng)
    weights = torch.full((count,), 1 / count, dtype=torch.float64)
    return [(drawn, height, weights) for drawn, height in zip(draws, flow.height(draws).double(), strict=True)]


def _counted(
    name: str, solid: Solid, rotations: Tensor, laws: list[Weighted], near: Pairs | None = None
) -> dict[str, float]:
    """Of a symmetric solid, the share of the laws given views of these rotations whose modes are counted right."""
    if solid.marks or not solid.finite:
        return {}
    pairs = zip(laws, rotations, strict=False)
    right = [float(right_modes(law, solid.equivalent(rotation), near)) for law, rotation in pairs]
    words = f"{name}: modes counted right"
    return {words: mean(right), f"{words}_se": standard_error(right)}


def _row(name: str, own: Tensor, tally: Tally) -> dict[str, float]:
    """Numbers of one method; what cannot be asked of a solid is left out."""
    columns: dict[str, Any] = {
        "log-likelihood": own,
        "spread": tally.spread,
        "draws astray": tally.astray,
        "right modes": tally.right_modes,
        "draws that hide a hidden mark": tally.hidden_kept,
    }
    found = {}
    for words, values in columns.items():
        if len(values) and not math.isnan(mean(values)):
            found[f"{name}: {words}"] = mean(values)
        if len(values) > 1 and f"{name}: {words}" in found:
            found[f"{name}: {words}_se"] = standard_error(values)
    return found


def _summary(measured: dict[str, Any]) -> dict[str, float]:
    """Means over solids given one view, and the smallest lead."""
    one = {name: measured[f"{name}, one view"] for name in NAMES}
    found = {}
    for words, names in (("five symmetric solids", SYMMETRIC), ("three marked solids", MARKED)):
        for method, key in (("model", "log-likelihood"), ("implicit-pdf", "log-likelihood of implicit-pdf")):
            found[f"{words}: {key}"] = mean([one[name][f"{method}: log-likelihood"] for name in names])
    found["smallest lead over implicit-pdf"] = min(row["model less implicit-pdf"] for row in measured.values())
    for words in ("right modes", "modes counted right"):
        right = [row[f"model: {words}"] for row in one.values() if f"model: {words}" in row]
        found[f"{words}, three solids"] = mean(right)
    return found


def _flow_check(ours: Potentials, test: Views, rng: torch.Generator) -> dict[str, float]:
    """The probability flow of the library, in double precision: the largest difference on a few views."""
    worst = 0.0
    for number in range(0, len(NAMES), 4):
        rotations, cond = (part[:1] for part in test.of(number, both=False))
        told, code = ours.read(cond)
        flow = ProbabilityFlow(tolerance=1e-4)(told, rotations.double(), rng, code)
        with torch.no_grad():
            worst = max(worst, float((flow.log_prob - Flow(ours, cond).log_prob(rotations)).abs().max()))
    return {"probability flow: largest difference, nats": worst}


@torch.no_grad()
def _maps(ours: Potentials, grid: Grid, test: Views) -> Any:
    """A view of every solid; of marked ones also a view that hides the mark, alone and with a second one."""
    rows = []
    for number, name in enumerate(NAMES):
        for words, row, both in _shown(name, test.rotations[number]):
            cond = test.of(number, both)[1][row : row + 1]
            (draws,) = Flow(ours, cond).sample(600, generator(0))
            theirs = grid.draws(grid.scores(cond), 600, generator(0))[0]
            pictures = [test.first[number, row] / 255.0, test.second[number, row] / 255.0][: 1 + both]
            truths = _truths(name, test.rotations[number, row], both)
            rows.append((f"{name.replace('marked ', '')}{words}", pictures, [truths, draws, theirs]))
    return pose_maps(rows, ["truth", "model", "implicit PDF"])


def _shown(name: str, rotations: Tensor) -> list[tuple[str, int, bool]]:
    """Which views of a solid to show: words, row, and whether by both cameras."""
    solid = SOLIDS[name]
    if not solid.marks:
        return [("", 0, False)]
    by_first, by_any = (solid.shows(rotations, cameras).int() for cameras in CAMERAS.values())
    change = (solid.draw(rotations) - solid.draw(rotations, marked=False)).abs().sum((-2, -1))
    seen, hidden = int(change.argmax()), int((by_any - by_first).argmax())
    return [("\nmark seen", seen, False), ("\nmark hidden", hidden, False), ("\nthe same,\ntwo views", hidden, True)]


def _truths(name: str, rotation: Tensor, both: bool) -> Tensor:
    """Rotations of the same pictures; of a sphere whose mark is hidden, random ones that hide it."""
    solid, cameras = SOLIDS[name], CAMERAS["two views" if both else "one view"]
    found = solid.equivalent(rotation, cameras)
    if not len(found):
        many = Rotations().uniform(1200).sample(generator(0)).to(rotation)
        found = many[~solid.shows(many, cameras)]
    return found


def _table(seed: int) -> Any:
    rotations = Rotations().uniform(12).sample(generator(seed + 1))
    return picture_table([(name.replace(" ", "\n"), solid.draw(rotations)) for name, solid in SOLIDS.items()])


EXPERIMENT = Experiment("pose", "poses of eight solids from one or two pictures, on SO(3) (DMM, Implicit-PDF)", run)
