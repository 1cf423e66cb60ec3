"""unnoise look: ask a model in a browser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from unnoise._paths import typed
from unnoise.cli import common, reading, words

MOST_ROWS = 20_000  # of the data, which stand beside the model's
LAST_PORT = 65_535


@common.reports_errors
@reading.reads_files
def look(
    model: common.Model,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Rows to show beside the model's, such as the file it was fitted on."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(min=0, max=LAST_PORT, help="Where to listen, on this machine alone.", show_default="a free one"),
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Whether to open the page.")] = True,
    labels: common.Labels = None,
    device: common.Device = "auto",
    json: common.Json = False,
) -> None:
    r"""Ask MODEL in a browser: fix columns, see what it says of the others.

    The page shows new rows, the law of each column given what is fixed, pairs,
    maps and images; how likely a row of your own is, and which of its cells is
    surprising; the way through noise and back. Beside each answer stand the
    command and the Python lines that give the same. Ctrl-C ends it.

    It is served to this machine alone, at an address with a key that is printed.
    It needs more libraries: pip install 'unnoise[look]'.

    Examples:
      unnoise look model                           # ask it in a browser
      unnoise look model people.csv                # beside rows of your own
      unnoise look model --port 8000 --no-browser  # through a tunnel of SSH
    """
    common.check_there(model, data, *reading.files_of(labels).values())
    from unnoise.look import server

    server.check_installed()
    fitted = common.opened(model, device, None)
    rows, y = reading.some(data, labels, MOST_ROWS, 0, fitted.schema_)
    words.refuse(reading.idle_labels(labels, "--labels", fitted.schema_.conditions, rows))
    with server.listening(port) as where:
        address, app = server.addressed(fitted, rows, y, where, typed(model), None if data is None else typed(data))

        def started() -> None:
            facts = {"address": address, "port": where.getsockname()[1]}
            common.result(json, facts, f"Ask the model at {address}\nCtrl-C ends it.")
            if browser:
                threading.Thread(target=_open, args=(address,), daemon=True).start()

        server.serve(app, where, started)


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
