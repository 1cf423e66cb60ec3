"""The pages over HTTP, on the loopback; one question at a time."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError
from unnoise.data import files
from unnoise.look import ask_page, noise_page, part_page, row_page
from unnoise.look.answers import Answers, Stopped
from unnoise.look.asking import inquiry
from unnoise.look.guard import LOOPBACK, Guard
from unnoise.look.pages import Visit, sentence, visit
from unnoise.model import DenoisingMarkovModel

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MISSING = "The page needs Starlette and uvicorn: pip install 'unnoise[look]'."
FILES = {"look.css": "text/css", "look.js": "text/javascript"}
TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "npy": "application/octet-stream"}
MOST_BYTES = 2**20  # of an address, which may name many columns
PATIENT = {"grow", "rank", "surprise"}  # fields of requests that the page makes by itself
GONE = 499  # whoever asked has asked something else since
TOKEN_BYTES = 24
Page = Callable[[Visit], Any]


@dataclass
class _Turn:
    """Of what is answered now: whether it only refines an answer, so that a question ends it."""

    patient: bool = False


def application(answers: Answers, token: str, port: int, model: str, data: str | None = None) -> Guard:
    """The application, behind its guard.

    Args:
        answers: the model.
        token: a secret, the first part of every path.
        port: where it will listen, for the check of hosts.
        model: the folder of the model as it was typed.
        data: the file of data as it was typed.

    Raises:
        InputError: Starlette is not installed.
    """
    check_installed()
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route

    lock, turn = asyncio.Lock(), _Turn()

    def serving(view: str, page: Page, answer: Callable[[Any], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            fields = {name: request.query_params.getlist(name) for name in request.query_params}
            look = visit(answers, fields, view, f"/{token}/", model, data)
            patient = bool(PATIENT & fields.keys())
            if not patient and turn.patient:
                answers.stop.set()
            async with lock:
                answers.stop.clear()
                turn.patient = patient
                if await request.is_disconnected():
                    return Response(status_code=GONE)
                try:
                    return answer(await run_in_threadpool(page, look))
                except Stopped:
                    return Response(status_code=GONE)
                except InputError as error:
                    return Response(sentence(error), status_code=400, media_type="text/plain")

        return Route(f"/{token}/{view}", endpoint)

    def static(name: str, kind: str) -> Route:
        content = resources(__package__).joinpath(name).read_bytes()

        async def endpoint(request: Request) -> Response:
            return Response(content, media_type=kind)

        return Route(f"/{token}/{name}", endpoint)

    def saving(suffix: str) -> Route:
        def saved(content: bytes) -> Response:
            about = {"content-disposition": f'attachment; filename="new.{suffix}"'}
            return Response(content, media_type=TYPES[suffix], headers=about)

        return serving(f"save.{suffix}", lambda look: written(look, suffix), saved)

    html = HTMLResponse
    pages: dict[str, Page] = {
        "": ask_page.page,
        "row": row_page.page,
        "part": part_page.page,
        "noise": noise_page.page,
    }
    routes = [serving(view, page, html) for view, page in pages.items()]
    routes += [static(name, kind) for name, kind in FILES.items()] + [saving(suffix) for suffix in TYPES]
    return Guard(Starlette(routes=routes), token, port)


def addressed(
    model: DenoisingMarkovModel, rows: Any, y: Any, where: socket.socket, name: str, data: str | None
) -> tuple[str, Guard]:
    """The address of the page at a socket, with a new token, and its application."""
    port, token = where.getsockname()[1], secrets.token_urlsafe(TOKEN_BYTES)
    return f"http://{LOOPBACK}:{port}/{token}/", application(Answers(model, rows, y), token, port, name, data)


def written(look: Visit, suffix: str) -> bytes:
    """The rows of a question as a file: those of the command beside it.

    Raises:
        InputError: what is fixed cannot be meant, or such rows cannot be such a file.
    """
    asked = inquiry(look.answers.schema, look.about, look.fields)
    if not asked.ready:
        raise InputError(" ".join(asked.faults.values()))
    n, seed = ask_page.rows_of(look)
    rows = look.answers.rows(asked, n or ask_page.ROWS, seed).rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"new.{suffix}")
        form = look.answers.schema.container.dialect
        files.write(rows, path, dialect=form and form.usual)
        return path.read_bytes()


def check_installed() -> None:
    """Raise an InputError where the libraries of the page are not there."""
    try:
        import jinja2
        import starlette
        import uvicorn

        del jinja2, starlette, uvicorn
    except ModuleNotFoundError:
        raise InputError(MISSING) from None


def listening(port: int = 0) -> socket.socket:
    """A socket on the loopback, at a free port by default.

    Raises:
        InputError: the port is taken, or not allowed.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"The port {port} cannot be used: {why}; leave out --port, which takes a free one.") from None
    return found


def serve(app: Guard, where: socket.socket, started: Callable[[], None]) -> None:
    """Answer until Ctrl-C, which raises KeyboardInterrupt; `started` is called when answers are ready."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        h11_max_incomplete_event_size=MOST_BYTES,
        http="h11",
        timeout_graceful_shutdown=1,
    )

    class Telling(uvicorn.Server):
        """Says when it listens."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    Telling(config).run(sockets=[where])
