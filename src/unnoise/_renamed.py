"""Names that saved models hold and that have changed since: `config.json` as today's code would have written it.

A folder names classes and functions as "module:name". When you move or rename one that a model can be made of, add it
here, so that folders that others have on their disks still load; `tests/test_renamed.py` finds what is missing.

* It only has another name, and the same fields: a line in `MOVED`, from the name of old to today's. It holds for
  objects, and for classes and functions that are named alone or in a partial.
* Its fields changed, or it is no dataclass any more: a function in `LAYOUTS`, from the old fields, whose own parts are
  translated already, to a node that `_config.decode` reads. Objects only. `Call(name, fields)` is what a function
  returns, {"object": ..., "fields": ...} an object and {"name": ...} a class or a function itself. An object that is a
  class today, with its fields, if any, as keywords, is {"name": NEW} without fields, and else
  {"partial": {"name": NEW}, "arguments": [], "keywords": {"dict": fields}}. A class that is a function today stands in
  both tables: in `MOVED` for where it is named alone, and here as `partial(Call, NEW)` for its objects.
* Nothing of today does what it did: an entry in `GONE`, with what to use instead, for a sentence.
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
    """A node that no file holds: what a function returns for these keywords, which are nodes."""

    name: str
    keywords: Fields


Node = dict[str, Any] | Call

_HEADS = {
    "finite_heads:": ("finite:", ("Logistic", "Posterior", "Softmax")),
    "gaussian_heads:": ("gaussian:", ("Eps", "Preconditioned", "Score", "V", "X0")),
    "letter_head:": ("letters:", ("Letters",)),
    "tangent_head:": ("manifolds:", ("Tangent",)),
}
_MADE_FOR_A_PROCESS = {  # heads of old were objects, and are classes that are called with a process
    **{
        f"unnoise.processes.{old}{name}": f"unnoise.heads.{new}{name}"
        for old, (new, names) in _HEADS.items()
        for name in names
    },
    "unnoise.processes.lattice:OnLattice": "unnoise.heads.lattice:LatticeHead",
    "unnoise.processes.product:Joint": "unnoise.heads.product:joint",
    "unnoise.processes.user_heads:RatioHead": "unnoise.heads.finite:RatioHead",
    "unnoise.processes.user_heads:ScoreHead": "unnoise.heads.manifolds:ScoreHead",
}
_FUNCTIONS = {  # classes of old that are functions with the same arguments
    "unnoise.processes.gaussian:EDM": "unnoise.processes.named_gaussians:edm",
    "unnoise.processes.gaussian:RectifiedFlow": "unnoise.processes.named_gaussians:rectified_flow",
    "unnoise.processes.gaussian:SubVariancePreserving": "unnoise.processes.named_gaussians:sub_variance_preserving",
    "unnoise.processes.gaussian:VarianceExploding": "unnoise.processes.named_gaussians:variance_exploding",
    "unnoise.processes.gaussian:VariancePreserving": "unnoise.processes.named_gaussians:variance_preserving",
}
MOVED: dict[str, str] = {
    **_MADE_FOR_A_PROCESS,
    **_FUNCTIONS,
    **{
        f"unnoise.processes.reverse_variances:{name}": f"unnoise.processes.reverse_variances:{name}Variance"
        for name in ("Analytic", "Large", "Learnt", "Small")
    },
    **{
        f"unnoise.schedules:{name}": f"unnoise.schedules.rates:{name}"
        for name in ("Cosine", "Erasing", "Exponential", "Geometric", "Linear")
    },
    **{f"unnoise.schedules:{name}": f"unnoise.schedules.levels:{name}" for name in ("LinearLogSNR", "LogSNR")},
    **{
        f"unnoise.samplers.forms:{name}": f"unnoise.samplers.forms:{name}Form" for name in ("Data", "Noise", "Velocity")
    },
    "unnoise.evaluation.likelihood:Bound": "unnoise.evaluation.bound:Bound",
    "unnoise.evaluation.likelihood:ProbabilityFlow": "unnoise.evaluation.probability_flow:ProbabilityFlow",
    "unnoise.objectives.steps:StepPrices": "unnoise.objectives.steps:StepKL",
    "unnoise.processes.ou:ornstein_uhlenbeck": "unnoise.processes.named_gaussians:ornstein_uhlenbeck",
    "unnoise.processes.snr_form:exploding": "unnoise.processes.paths:Exploding",
    "unnoise.processes.snr_form:preserving": "unnoise.processes.paths:Preserving",
    "unnoise.processes.snr_form:straight": "unnoise.processes.paths:Straight",
    "unnoise.samplers.grids:LogNormal": "unnoise.samplers.grids:LogNormalGrid",
    "unnoise.samplers.grids:Uniform": "unnoise.samplers.grids:UniformGrid",
    "unnoise.samplers.tuned:tuned": "unnoise.samplers.tuning:tune",
    "unnoise.schedules:Learned": "unnoise.schedules.learned:Learned",
    "unnoise.objectives.times:LogNormal": "unnoise.objectives.times:LogNormalTimes",
    "unnoise.objectives.times:Natural": "unnoise.objectives.times:ImportanceTimes",
    "unnoise.objectives.times:Steps": "unnoise.objectives.times:StepTimes",
    "unnoise.objectives.times:Uniform": "unnoise.objectives.times:UniformTimes",
    "unnoise.objectives.weightings:Bound": "unnoise.objectives.weightings:BoundWeighting",
    "unnoise.objectives.weightings:EDM": "unnoise.objectives.weightings:EDMWeighting",
    "unnoise.objectives.weightings:Simple": "unnoise.objectives.weightings:SimpleWeighting",
    "unnoise.objectives.weightings:Steps": "unnoise.objectives.weightings:StepWeighting",
    "unnoise.processes.lattice:Lattice": "unnoise.spaces.lattice:Lattice",
    "unnoise.processes.product:BridgedProduct": "unnoise.processes.products:BridgedProduct",
    "unnoise.processes.product:Product": "unnoise.processes.products:ProductProcess",
    "unnoise.processes.product:ProductWithKernel": "unnoise.processes.products:KernelProduct",
    "unnoise.processes.rates.refresh:Uniform": "unnoise.processes.rates.refresh:UniformRates",
    "unnoise.processes.user:DiffusionProcess": "unnoise.processes.generated:DiffusionProcess",
    "unnoise.processes.user:JumpProcess": "unnoise.processes.generated:JumpProcess",
    "unnoise.spaces.product:Product": "unnoise.spaces.products:ProductSpace",
    "unnoise.spaces.product:ProductContinuum": "unnoise.spaces.products:ProductContinuum",
    "unnoise.spaces.product:ProductManifold": "unnoise.spaces.products:ProductManifold",
    "unnoise.samplers.steered:Steered": "unnoise.samplers.twisted:TwistedSMC",
}


def _vdm(fields: Fields) -> Node:
    """The pace, a factor that nothing used, is gone."""
    return {"object": "unnoise.objectives.vdm:VDM", "fields": _without(fields, pace=1.0)}


def _jump_process(fields: Fields) -> Node:
    """Sites that are independent are no special case any more; the numbers are the same."""
    kept = {name: value for name, value in fields.items() if name != "independent"}
    return {"object": "unnoise.processes.generated:JumpProcess", "fields": kept}


def _snr_form(fields: Fields) -> Node:
    """A path of old was a function, and is an object."""
    path = {"object": fields["log_alpha"]["name"], "fields": {}}
    kept = {"space": fields["space"], "schedule": fields["schedule"], "path": path}
    return {"object": "unnoise.processes.gaussian:Gaussian", "fields": kept}


def _gaussian_chain(fields: Fields) -> Node:
    """The times of old were always even."""
    times = Call("unnoise.processes.chain:even_times", {"steps": fields["steps"]})
    kept = {"process": fields["process"], "times": times, "variance": fields["variance"]}
    return {"object": "unnoise.processes.chain:Chain", "fields": kept}


def _made_for_a_process(name: str, fields: Fields) -> Node:
    """A class of today, with the fields of old as its keywords."""
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
    """A description of columns as today's code would have written it."""
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
    """The fields but for some that do not exist any more, and may only have had these values."""
    for name, value in expected.items():
        if fields.get(name, value) != value:
            raise InputError(
                f"the saved model has {name} = {fields[name]!r}, which this version does not have: train it anew, or "
                "load it with the version that saved it"
            )
    return {name: value for name, value in fields.items() if name not in expected}
