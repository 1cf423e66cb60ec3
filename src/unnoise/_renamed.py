"""Names in saved models that have changed: `config.json` as today's code would have written it.

When you move or rename a class or function of models, add it here, so that old folders still load;
`tests/test_renamed.py` finds what is missing.

* Only the name changed: a line in `MOVED`, which holds for objects, and for classes and functions that are named alone.
* Its fields changed, or it is no dataclass any more: a function in `LAYOUTS`, from the old fields, whose own parts are
  translated already, to a node that `_config.decode` reads: `Call(name, fields)`, what a function returns,
  {"object": ..., "fields": ...}, or {"name": ...}, a class or function itself. A class that is a function today stands
  in both tables: in `MOVED` for where it is named alone, and here as `partial(Call, NEW)` for its objects.
* Nothing of today does what it did: an entry in `GONE`, with what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from unnoise._errors import InputError

Fields = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What a function returns for these keywords, which are nodes."""

    name: str
    keywords: Fields


Node = dict[str, Any] | Call


def _table(text: str) -> dict[str, str]:
    """From lines: the module of old, that of today, names."""
    rows = (line.split() for line in text.strip().splitlines())
    return {
        f"unnoise.{before}:{name.partition('=')[0]}": f"unnoise.{after}:{name.rpartition('=')[2]}"
        for before, after, *names in rows
        for name in names
    }


# Objects of old, now classes called with a process.
_MADE_FOR_A_PROCESS = _table("""
    processes.finite_heads heads.finite Logistic Posterior Softmax
    processes.gaussian_heads heads.gaussian Eps Preconditioned Score V X0
    processes.lattice heads.lattice OnLattice=LatticeHead
    processes.letter_head heads.letters Letters
    processes.product heads.product Joint=joint
    processes.tangent_head heads.manifolds Tangent
    processes.user_heads heads.finite RatioHead
    processes.user_heads heads.manifolds ScoreHead
""")
# Classes of old, now functions of the same arguments.
_FUNCTIONS = _table("""
    processes.gaussian processes.named_gaussians EDM=edm RectifiedFlow=rectified_flow
    processes.gaussian processes.named_gaussians SubVariancePreserving=sub_variance_preserving
    processes.gaussian processes.named_gaussians VarianceExploding=variance_exploding
    processes.gaussian processes.named_gaussians VariancePreserving=variance_preserving
""")
MOVED = _MADE_FOR_A_PROCESS | _FUNCTIONS
MOVED |= _table("""
    evaluation.implicit_bound evaluation.bound ImplicitBound
    evaluation.likelihood evaluation.bound Bound
    evaluation.likelihood evaluation.probability_flow ProbabilityFlow
    objectives.steps objectives.steps StepPrices=StepKL
    objectives.times objectives.times LogNormal=LogNormalTimes Natural=ImportanceTimes Steps=StepTimes
    objectives.times objectives.times Uniform=UniformTimes
    objectives.weightings objectives.weightings Bound=BoundWeighting EDM=EDMWeighting Simple=SimpleWeighting
    objectives.weightings objectives.weightings Steps=StepWeighting
    processes.lattice spaces.lattice Lattice
    processes.ou processes.named_gaussians ornstein_uhlenbeck
    processes.product processes.products BridgedProduct Product=ProductProcess ProductWithKernel=KernelProduct
    processes.rates.refresh processes.rates.refresh Uniform=UniformRates
    processes.reverse_variances processes.reverse_variances Analytic=AnalyticVariance Large=LargeVariance
    processes.reverse_variances processes.reverse_variances Learnt=LearntVariance Small=SmallVariance
    processes.snr_form processes.paths exploding=Exploding preserving=Preserving straight=Straight
    processes.user processes.generated DiffusionProcess JumpProcess
    samplers.chain_steps samplers.ancestral ChainSteps
    samplers.first_hitting samplers.exact_jumps FirstHitting
    samplers.forms samplers.forms Data=DataForm Noise=NoiseForm Velocity=VelocityForm
    samplers.grids samplers.grids LogNormal=LogNormalGrid Uniform=UniformGrid
    samplers.perturbed samplers.ancestral Perturbed
    samplers.steered samplers.twisted Steered=TwistedSMC
    samplers.tuned samplers.tuning tuned=tune
    samplers.uniformisation samplers.exact_jumps Uniformisation
    schedules schedules.learned Learned
    schedules schedules.levels LinearLogSNR LogSNR
    schedules schedules.rates Cosine Erasing Exponential Geometric Linear
    spaces.aitchison spaces.simplex Aitchison
    spaces.product spaces.products Product=ProductSpace ProductContinuum ProductManifold
""")


def _vdm(fields: Fields) -> Node:
    return {"object": "unnoise.objectives.vdm:VDM", "fields": _without(fields, pace=1.0)}


def _jump_process(fields: Fields) -> Node:
    """The numbers are the same."""
    kept = {name: value for name, value in fields.items() if name != "independent"}
    return {"object": "unnoise.processes.generated:JumpProcess", "fields": kept}


def _snr_form(fields: Fields) -> Node:
    path = {"object": fields["log_alpha"]["name"], "fields": {}}
    kept = {"space": fields["space"], "schedule": fields["schedule"], "path": path}
    return {"object": "unnoise.processes.gaussian:Gaussian", "fields": kept}


def _gaussian_chain(fields: Fields) -> Node:
    times = Call("unnoise.processes.chain:even_times", {"steps": fields["steps"]})
    kept = {"process": fields["process"], "times": times, "variance": fields["variance"]}
    return {"object": "unnoise.processes.chain:Chain", "fields": kept}


def _made_for_a_process(name: str, fields: Fields) -> Node:
    if not fields:
        return {"name": name}
    return {"partial": {"name": name}, "arguments": [], "keywords": {"dict": fields}}


LAYOUTS: dict[str, Callable[[Fields], Node]] = {
    **{old: partial(_made_for_a_process, new) for old, new in _MADE_FOR_A_PROCESS.items()},
    **{old: partial(Call, new) for old, new in _FUNCTIONS.items()},
    "unnoise.objectives.vdm:VDM": _vdm,
    "unnoise.processes.gaussian_chain:GaussianChain": _gaussian_chain,
    "unnoise.processes.snr_form:SNRForm": _snr_form,
    "unnoise.processes.user:JumpProcess": _jump_process,
}
GONE: dict[str, str] = {
    "unnoise.processes.binomial:BinomialChain": "train it anew for the process of processes.binomial_chain",
    "unnoise.schedules:Knots": "train it anew with schedules.LogSNR",
}
KINDS = {"degrees": "angle", "radians": "angle"}  # of columns, whose turn is a field


def translated(config: Any) -> Any:
    """A description as today's code would have written it.

    >>> translated({"object": "unnoise.objectives.times:Natural", "fields": {}})
    {'object': 'unnoise.objectives.times:ImportanceTimes', 'fields': {}}

    Raises:
        InputError: it holds what does not exist any more.
    """
    if isinstance(config, list):
        return [translated(part) for part in config]
    if not isinstance(config, dict):
        return config
    node = {key: translated(part) for key, part in config.items()}
    match config:
        case {"object": str(name), "fields": dict()} if len(config) == 2:
            _refuse(name)
            return LAYOUTS[name](node["fields"]) if name in LAYOUTS else node | {"object": MOVED.get(name, name)}
        case {"name": str(name)} if len(config) == 1:
            _refuse(name)
            return {"name": MOVED.get(name, name)}
    return node


def translated_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Columns described as today's code does."""
    factors = [factor | {"kind": KINDS.get(factor["kind"], factor["kind"])} for factor in schema["factors"]]
    container = schema["container"]
    if container["container"] == "block":
        container = container | {"container": "event array"}
    return schema | {"factors": factors, "container": container}


def _refuse(name: str) -> None:
    if name in GONE:
        raise InputError(
            f"the saved model uses {name!r}, which this version does not have: {GONE[name]}, or load the model with "
            "the version that saved it"
        )


def _without(fields: Fields, **expected: Any) -> Fields:
    """The fields but for some, which may only have had these values."""
    for name, value in expected.items():
        if fields.get(name, value) != value:
            raise InputError(
                f"the saved model has {name} = {fields[name]!r}, which this version does not have: train it anew, or "
                "load it with the version that saved it"
            )
    return {name: value for name, value in fields.items() if name not in expected}
