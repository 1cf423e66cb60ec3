"""All that a training has reached, as a flat dictionary of tensors and a few JSON values.

On the same machine and one thread a resumed training gives the bits of one that never stopped.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from unnoise import _config
from unnoise._checks import instance, real, shown, whole
from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.denoisers import Denoiser
from unnoise.objectives import Objective
from unnoise.training.dataset import Dataset, Digested, derived_seed, digest
from unnoise.training.process_group import ProcessGroup
from unnoise.training.settings import Settings
from unnoise.training.validation import Looks, Validation

# All that may change when a training resumes.
CHANGEABLE = ("steps", "time_limit", "checkpoint_every", "device", "compile")


class TrainState:
    """What the loop changes: raw and averaged weights, AdamW, the noise, steps, seconds, losses (nats) and looks.

    Args:
        denoiser: with weights to train, else InputError; it is moved to the device of the settings.
        settings: of the training.

    >>> from unnoise import networks, processes, spaces, training
    >>> from unnoise.denoisers import Neural
    >>> denoiser = Neural(processes.edm(spaces.Euclidean(2)), networks.MLP((2,), 0, (2,), width=8))
    >>> state = TrainState(denoiser, training.Settings(steps=3, device="cpu"))
    >>> state.step, state.losses  # before `training.train(state, objective, dataset)`
    (0, [])
    """

    def __init__(self, denoiser: Denoiser, settings: Settings) -> None:
        if not any(weight.requires_grad for weight in denoiser.parameters()):
            raise InputError(f"{type(denoiser).__name__} has no parameters to train; give a denoiser that has.")
        if any(weight.is_inference() for weight in denoiser.parameters()):
            raise InputError("got a network made in torch.inference_mode(), which cannot be trained; make it outside")
        device = ProcessGroup.gather(settings).device
        self.settings = settings
        self.denoiser = denoiser.to(device)
        self.made_of = _made_of(denoiser)
        self.average = Average(self.denoiser, settings.ema)
        self.optimiser = torch.optim.AdamW(
            (weight for weight in denoiser.parameters() if weight.requires_grad),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.rng = torch.Generator(device).manual_seed(derived_seed(settings.seed, "noise"))
        self.step, self.elapsed, self.losses = 0, 0.0, list[float]()
        self.looks = Looks()
        self.resumed: Looks | None = None  # those that one run has had here, where a time limit added one
        self.num_examples: int | None = None
        self.digest: str | None = None
        self._seen: tuple[Dataset | None, str | None] = None, None
        self.objective: str | None = None  # a fingerprint of what is minimised, and
        self.made_by: str | None = None  # of which version it is
        self.run: str | None = None  # names what is trained, beyond these tensors

    def see(self, data: Dataset, weights: Tensor | None = None) -> None:
        """Remember the data and their weights; an InputError if they are not those seen before."""
        if data is not self._seen[0]:  # a digest reads all numbers
            self._seen = data, data.digest() if isinstance(data, Digested) else None
        count, seen = len(data), self._seen[1]
        if weights is not None and seen is not None:
            seen += digest(weights)
        if self.num_examples not in (None, count):
            raise InputError(
                f"The training to resume saw {self.num_examples} examples, but the data have {count}; "
                "resume with the same data, or train anew."
            )
        if None not in (self.digest, seen) and self.digest != seen:
            raise InputError(
                "The training to resume saw other numbers, or the same in another order; resume with the same data, or "
                "train anew."
            )
        self.num_examples, self.digest = count, seen

    def minimise(self, objective: Objective) -> None:
        """Remember the objective; an InputError if it is not the one of the steps before."""
        now, version = _fingerprint(objective), __version__
        other = None not in (self.objective, now) and self.objective != now
        if self.step and other and self.made_by == version:  # another one may describe the same in other words
            raise InputError(
                "The training to resume had another objective than is given now; resume with the same, or train anew."
            )
        self.objective, self.made_by = now, version

    @property
    def ema(self) -> Denoiser:
        """The network with the averaged weights."""
        return self.average.network

    @property
    def best(self) -> Denoiser:
        """The network with the averaged weights that validation found best, or the last ones without it."""
        best = copy.deepcopy(self.ema)
        if self.looks.best:
            best.load_state_dict(self.looks.best)
        return best

    @property
    def progress(self) -> float:
        """How far the training is, from 0 to 1."""
        return self.settings.progress(self.step, self.elapsed)

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors under flat names, and numbers as JSON."""
        tensors = self._networks() | self._moments()
        tensors["rng"] = self.rng.get_state()
        tensors["losses"] = torch.tensor(self.losses, dtype=torch.float64)
        looks = self.looks if self.resumed is None else self.resumed
        if looks.steps:
            tensors["looks"] = looks.table()
            tensors |= {f"best.{name}": tensor for name, tensor in looks.best.items()}
        kept = {name: getattr(self, name) for name in ("step", "elapsed", "num_examples", "digest", "objective", "run")}
        learnt = sorted(name.split(".", 2)[2] for name in tensors if name.startswith("optimiser.step."))
        kept |= {"looks": len(looks.steps), "made_of": self.made_of}
        return tensors, kept | {"settings": _plain(self.settings), "learnt": learnt}

    def check(self, shapes: Mapping[str, tuple[int, ...]], metadata: dict[str, Any]) -> None:
        """An InputError if tensors of these shapes, with these numbers, are of another training or of none."""
        self._check_parts(metadata.get("made_of"))
        self._check_settings(metadata["settings"])
        self._check_numbers(metadata)
        expected = {name: tuple(tensor.shape) for name, tensor in self._expected(metadata).items()}
        found = {name: shape for name, shape in shapes.items() if name != "rng"}
        check_same(found, expected)
        if len(shapes.get("rng", ())) != 1:
            raise InputError("it holds no state of a generator; it is damaged")

    def load_state_dict(self, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        """Take up what `state_dict` gave; if it does not fit, nothing changes."""
        self.check({name: tuple(tensor.shape) for name, tensor in tensors.items()}, metadata)
        expected = {name: tensor.dtype for name, tensor in self._expected(metadata).items()} | {"rng": torch.uint8}
        check_same({name: tensor.dtype for name, tensor in tensors.items()}, expected)
        rng = self._rng_from(tensors["rng"], metadata["step"])
        self.denoiser.load_state_dict(_under("denoiser.", tensors))
        self.ema.load_state_dict(_under("ema.", tensors))
        self.optimiser.load_state_dict(self._optimiser_state(_under("optimiser.", tensors)))
        self.rng.set_state(rng.get_state())
        self.losses = tensors["losses"].tolist()
        self.looks = Looks()
        if "looks" in tensors:
            self.looks = Looks.of(tensors["looks"], _under("best.", tensors))
        self.step, self.elapsed, self.num_examples = (metadata[n] for n in ("step", "elapsed", "num_examples"))
        self.objective, self.made_by = metadata.get("objective"), (metadata.get("made_of") or {}).get("version")
        self.digest, self.run = metadata.get("digest"), metadata.get("run") or self.run  # not in the oldest files

    def _networks(self) -> dict[str, Tensor]:
        parts = {"denoiser.": self.denoiser, "ema.": self.ema}
        return {prefix + name: t for prefix, part in parts.items() for name, t in part.state_dict().items()}

    def _names(self) -> list[str]:
        return [name for name, weight in self.denoiser.named_parameters() if weight.requires_grad]

    def _moments(self) -> dict[str, Tensor]:
        names, entries = self._names(), self.optimiser.state_dict()["state"].items()
        return {f"optimiser.{key}.{names[i]}": tensor for i, entry in entries for key, tensor in entry.items()}

    def _optimiser_state(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        index = {name: number for number, name in enumerate(self._names())}
        moments: dict[int, dict[str, Tensor]] = {}
        for path, tensor in tensors.items():
            key, name = path.split(".", 1)
            moments.setdefault(index[name], {})[key] = tensor.clone()  # what was read may be a view of the file
        return {"state": moments, "param_groups": self.optimiser.state_dict()["param_groups"]}

    def _rng_from(self, saved: Tensor, step: int) -> torch.Generator:
        """On another kind of device a stream of its own starts at this step."""
        rng = torch.Generator(self.rng.device)
        if saved.shape == self.rng.get_state().shape:
            rng.set_state(saved)
        else:
            rng.manual_seed(derived_seed(self.settings.seed, "noise", step))
        return rng

    def _expected(self, metadata: dict[str, Any]) -> dict[str, Tensor]:
        """What a checkpoint of this training holds, but for the generator; on no device, as they only show shapes."""
        weights = dict(self.denoiser.named_parameters())
        step = torch.empty((), dtype=torch.float32, device="meta")
        expected = self._networks() | {"losses": torch.empty(metadata["step"], dtype=torch.float64, device="meta")}
        if count := metadata.get("looks", 0):
            expected["looks"] = torch.empty(count, 2, dtype=torch.float64, device="meta")
            expected |= {f"best.{name}": tensor for name, tensor in self.ema.state_dict().items()}
        learnt = metadata.get("learnt", self._names() if metadata["step"] else [])
        for name in [name for name in self._names() if name in learnt]:
            moments = {"step": step, "exp_avg": weights[name], "exp_avg_sq": weights[name]}
            expected |= {f"optimiser.{key}.{name}": tensor for key, tensor in moments.items()}
        return expected

    def _check_numbers(self, metadata: dict[str, Any]) -> None:
        whole(most=2**63 - 1, step=metadata["step"])
        whole(most=metadata["step"], looks=metadata.get("looks", 0))
        whole(least=1, most=2**63 - 1, or_none=True, num_examples=metadata["num_examples"])
        real(least=0, elapsed=metadata["elapsed"])
        texts = {name: metadata.get(name) for name in ("digest", "objective", "run")}
        instance(str, or_none=True, **texts)
        if None not in (self.run, metadata.get("run")) and self.run != metadata["run"]:
            raise InputError("it is of another model than the description beside it; train anew")

    def _check_parts(self, saved: dict[str, str | None] | None) -> None:
        """Weights of as many numbers mean something else to another process, or under another head."""
        instance(dict, or_none=True, made_of=saved)
        if saved is None or saved.get("version") != __version__:  # where parts may be described in other words
            return
        for name, now in self.made_of.items():
            if None not in (now, saved.get(name)) and saved[name] != now:
                raise InputError(
                    f"it was trained with another {name} than is given now; resume with the same, or train anew"
                )

    def _check_settings(self, saved: dict[str, Any]) -> None:
        saved = _plain(Settings()) | saved  # what was not there yet was not used
        for name, value in _plain(self.settings).items():
            if name not in CHANGEABLE and saved[name] != value:
                raise InputError(
                    f"it was trained with {name} = {shown(saved[name])}, but {name} = {value} is asked for now; "
                    "resume with the same settings, or train anew"
                )


def ending(state: TrainState, validation: Validation | None) -> str:
    """Where a training ended and why, and which weights are kept, in words.

    Args:
        state: after the last step.
        validation: that it was trained with, or None.
    """
    looks, planned = state.looks, state.settings.steps
    lost = f"lost over {looks.slack:.0%} of its improvement"
    reached = f"step {state.step:,} of {planned:,}"
    if validation is not None and state.progress < 1.0 and validation.is_over(looks):
        since = f"validation has {lost if looks.slack else 'not improved'} since step {looks.best_step:,}"
        return f"stopped at {reached}: {since}; kept those weights"
    ended = f"ended at {reached}" if state.step < planned else f"all {planned:,} steps done"
    if not looks.steps or looks.best_step == state.step:
        return ended
    why = f"since which validation has {lost}" if looks.slack else "where validation was best"
    return f"{ended}; kept the weights of step {looks.best_step:,}, {why}"


def check_same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """An InputError if a checkpoint holds other tensors than those expected, by name: shapes, or types."""
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise InputError(
                f"it holds another network or is damaged: {name} {_described(found.get(name))} there and "
                f"{_described(expected.get(name))} here; resume with the network that it was made with"
            )


def _plain(settings: Settings) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(settings), default=lambda number: number.item())))


def _made_of(denoiser: Denoiser) -> dict[str, str | None]:
    """Fingerprints of the processes and heads inside, by their names, and of which version they are."""
    parts = [(name, part) for name, part in denoiser.named_modules() if isinstance(part, Denoiser)]
    found = {
        f"{name}.{word}".lstrip("."): _fingerprint(getattr(part, word))
        for name, part in parts
        for word in ("process", "head")
        if hasattr(part, word)
    }
    return found | {"version": __version__}


def _fingerprint(part: Any) -> str | None:
    """None of what has no description, such as a function of a user's own."""
    try:
        words = json.dumps(_config.encode(part), sort_keys=True)
    except InputError:
        return None
    return hashlib.blake2b(words.encode(), digest_size=16).hexdigest()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _described(what: tuple[int, ...] | torch.dtype | None) -> str:
    if isinstance(what, torch.dtype):
        return f"has type {what}"
    return "does not exist" if what is None else f"has shape {what}"


Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    r"""A copy of a network with the exponential moving average of its weights.

    $\bar w \leftarrow d_n \bar w + (1 - d_n) w$ with $d_n = \min(d, (1 + n) / (10 + n))$ after $n$ updates, so that the
    first steps fade soon (Polyak and Juditsky 1992). Buffers are copied.

    >>> network = nn.Linear(1, 1, bias=False)
    >>> average = Average(network, decay=0.999)
    >>> _ = nn.init.ones_(average.network.weight), nn.init.zeros_(network.weight)
    >>> average.update(0)
    >>> round(average.network.weight.item(), 6)
    0.1
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self._weights: list[Tensor] = list(network.parameters())
        self._averages: list[Tensor] = list(self.network.parameters())
        self._buffers = list(network.buffers())
        self._copies = list(self.network.buffers())

    @torch.no_grad()
    def update(self, num_updates: int) -> None:
        """Move towards the original, after `num_updates` updates."""
        decay = min(self.decay, (1 + num_updates) / (10 + num_updates))
        torch._foreach_lerp_(self._averages, self._weights, 1.0 - decay)
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)
