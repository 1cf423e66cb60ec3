"""Model folders on the Hugging Face hub, by huggingface_hub's functions for folders.

Its `ModelHubMixin` does not fit: as a base class it would have to be installed for every import, it removes the
`config.json` in a folder before a model is whole, and it hands what `config.json` says to a constructor before
anything has checked it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from unnoise._errors import InputError
from unnoise._places import CONFIG
from unnoise._version import __version__
from unnoise.storage.description import shortened
from unnoise.storage.weights import WEIGHTS

CARD = "README.md"
_OURS = {"library_name": "unnoise", "library_version": __version__}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_name(text: object) -> bool:
    """Whether it may name a model on the hub, and no path that is there.

    >>> is_name("someone/earthquakes"), is_name("model"), is_name("/tmp/model")
    (True, False, False)
    """
    return isinstance(text, str) and _NAME.fullmatch(text) is not None and not Path(text).exists()


def fetched(name: str, revision: str | None = None, **options: Any) -> Path:
    """The folder of a model of the hub, in the cache of huggingface_hub; of its files only those that are read.

    Args:
        name: as "someone/earthquakes".
        revision: a branch, a tag or a commit; the newest by default.
        options: `token`, `cache_dir`, `local_files_only` of `huggingface_hub.snapshot_download`.

    Raises:
        InputError: huggingface_hub is not installed, cannot be reached, or knows no such model.
    """
    hub = _hub(f"there is no folder {name!r}, and to look for it on the Hugging Face hub")
    with _explained(name, hub):
        found = hub.snapshot_download(
            name, revision=revision, allow_patterns=[CONFIG, WEIGHTS], endpoint=_address(), **_OURS, **options
        )
    return Path(found)


def pushed(folder: Path, name: str, *, private: bool | None = None, token: str | None = None, **options: Any) -> str:
    """Upload a model folder, and return the address of the commit.

    Args:
        folder: with a model and its card.
        name: as "someone/earthquakes"; the repository is made if there is none.
        private: whether others may not see a new repository.
        token: of the account; by default that of `hf auth login`.
        options: `revision`, `commit_message`, `create_pr` of `HfApi.upload_folder`.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"got {name!r} as a name on the hub; expected ACCOUNT/NAME, as in someone/earthquakes")
    hub = _hub("to share a model on the Hugging Face hub")
    api = hub.HfApi(endpoint=_address(), token=token, **_OURS)
    with _explained(name, hub):
        api.create_repo(name, private=private, exist_ok=True)
        done = api.upload_folder(repo_id=name, folder_path=folder, allow_patterns=[CONFIG, WEIGHTS, CARD], **options)
    return str(done.commit_url)


def _address() -> str | None:
    """Of a hub of one's own; huggingface_hub looks for it when it is imported alone."""
    return os.environ.get("HF_ENDPOINT") or None


def _hub(purpose: str) -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise InputError(f"{purpose}, huggingface_hub is needed: pip install 'unnoise[hub]'") from error
    return huggingface_hub


@contextmanager
def _explained(name: str, hub: ModuleType) -> Iterator[None]:
    """What goes wrong between here and the hub, in a sentence."""
    try:
        yield
    except hub.errors.RepositoryNotFoundError as error:
        raise InputError(
            f"the hub has no model {name!r} that you may use; look at the name, or log in with: hf auth login"
        ) from error
    except hub.errors.RevisionNotFoundError as error:
        raise InputError(
            f"the model {name!r} has no such revision on the hub; look at the name of the branch"
        ) from error
    except (hub.errors.HFValidationError, hub.errors.LocalTokenNotFoundError) as error:
        raise InputError(f"the hub refuses {name!r}: {shortened(error)}") from error
    except hub.errors.LocalEntryNotFoundError as error:
        raise InputError(
            f"{name!r} is no folder here, and the hub cannot be reached; look at the path, or at the connection"
        ) from error
    except (hub.errors.HfHubHTTPError, getattr(hub.errors, "HTTPError", OSError), OSError) as error:
        raise OSError(f"the hub could not be used for {name!r} ({shortened(error)})") from error
