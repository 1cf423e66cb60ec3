"""What `config.json` says of a model: its parameters, and the schema of its data."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unnoise import _config, _renamed
from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._places import CONFIG
from unnoise._sealed import BLANK, seal, verify
from unnoise._version import __version__
from unnoise.data import Schema

FORMAT, UNSEALED = "unnoise.model.2", "unnoise.model.1"  # the older one has no checksum
# What a resumed training may change.
RESUMABLE = {"steps", "time_limit", "checkpoint_every", "device", "compile", "progress", "sampler", "likelihood"}
BEFORE_ROLES = {
    "roles": "joint",
    "validation": 0.0,
    "unconditional": 0.0,
}  # how models were trained that say nothing of these


@dataclass(frozen=True)
class Description:
    """A model without its weights, as JSON."""

    params: Any
    schema: Any
    data: Any = None  # how many rows were trained on, and their digest, where they are known
    format: str = FORMAT

    @classmethod
    def of(cls, params: Mapping[str, Any], schema: Schema, data: Mapping[str, Any] | None = None) -> Description:
        """Of a model with these parameters, trained on these data."""
        return cls(_config.encode(dict(params)), schema.to_config(), data)

    @property
    def fingerprint(self) -> str | None:
        """Stands in the weights that belong to it; None in the format that had none."""
        return None if self.format == UNSEALED else _digest([self.params, self.schema, self.data])

    @property
    def run(self) -> str:
        """The same as long as a training may be resumed."""
        params = _renamed.translated(self.params)["dict"]
        return _digest([{name: params[name] for name in sorted(params.keys() - RESUMABLE)}, self.schema, self.data])

    def make_params(self, trust: Sequence[str] = ()) -> dict[str, Any]:
        """The parameters that the model was made with."""
        return dict(BEFORE_ROLES | _config.decode(_renamed.translated(self.params), trust))

    def make_schema(self) -> Schema:
        """What the model knows about its data."""
        return Schema.from_config(_renamed.translated_schema(self.schema))

    def check_same_options(self, params: Mapping[str, Any]) -> None:
        """An InputError if other parameters decide the training."""
        then = BEFORE_ROLES | _renamed.translated(self.params)["dict"]
        now = _config.encode(dict(params))["dict"]
        for name in sorted(now.keys() - RESUMABLE):
            if name in then and not _same(then[name], now[name]):
                raise InputError(
                    f"the model was trained with {name} = {shortened(then[name])}, but {name} = "
                    f"{shortened(now[name])} is asked for now; resume with the same options, or train anew"
                )


@dataclass(frozen=True)
class Config:
    """A whole `config.json`: of the newest training, and of the older weights until the new ones replace them."""

    newest: Description
    before: Description | None = None

    def write(self, path: Path) -> None:
        """Write it, sealed."""
        config = {"checksum": BLANK, "version": __version__} | _fields(self.newest)
        if self.before is not None:
            config["before"] = _fields(self.before)
        path.write_text(json.dumps(config, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        seal(path)

    def of_weights(self, fingerprint: str | None) -> Description | None:
        """The description to which weights with this fingerprint belong."""
        both = (self.newest, self.before)
        return next((one for one in both if one is not None and one.fingerprint == fingerprint), None)


def read(folder: Path) -> Config:
    """What a folder says of its model."""
    path = folder / CONFIG
    try:
        content = path.read_bytes()
        config = json.loads(content)
        version = config["format"]
        if version == FORMAT:
            verify(content)
    except PermissionError as error:
        raise InputError(f"{path} may not be read; ask for permission to read it") from error
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as the description of a model ({error}); it is damaged") from error
    if version not in (FORMAT, UNSEALED):
        raise InputError(f"{path} has the format {shown(version)}, and this unnoise {__version__} reads {FORMAT!r}")
    with explained(folder):
        before = config.get("before")
        return Config(_description(config), None if before is None else _description(before))


def unfinished(folder: Path) -> Description:
    """The newest training in a folder, whose weights may not be there yet."""
    return read(folder).newest


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Refuse, in a sentence, a description that makes no model."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{folder / CONFIG}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise InputError(
            f"{folder / CONFIG} is damaged or of another version, no model can be made from it "
            f"({type(error).__name__}: {shortened(error)}); copy or train it anew"
        ) from error


def shortened(words: object) -> str:
    """At most 200 characters."""
    return textwrap.shorten(str(words), 200, placeholder=" ...")


def _description(config: dict[str, Any]) -> Description:
    return Description(config["params"], config["schema"], config.get("data"), config["format"])


def _fields(description: Description) -> dict[str, Any]:
    return {name: getattr(description, name) for name in ("format", "params", "schema", "data")}


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _same(then: Any, now: Any) -> bool:
    if then == now:
        return True
    imported = re.findall(r"'(?:name|object)': '([\w.]+):", repr(now))  # the modules to trust
    try:
        return bool(_config.encode(_config.decode(then, imported)) == now)
    except InputError:
        return False
