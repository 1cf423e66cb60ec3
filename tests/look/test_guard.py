from __future__ import annotations

import pytest

from unnoise.look.guard import Guard

GUARD = Guard(None, "token", 8000)
HERE = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/token/", HERE, 0),
        ("HEAD", "/token/row", {"host": "LOCALHOST:8000"}, 0),
        ("GET", "/token/", HERE | {"origin": "http://127.0.0.1:8000"}, 0),
        ("GET", "/token/", HERE | {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 0),
        (
            "GET",
            "/token/",
            HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
            0,
        ),
        ("GET", "/", HERE, 404),
        ("GET", "/toke/", HERE, 404),
        ("GET", "/tokens/", HERE, 404),
        ("GET", "/tök/", HERE, 404),
        ("GET", "//token/", HERE, 404),
        ("POST", "/token/", HERE, 405),
        ("GET", "/token/", {}, 403),
        ("GET", "/token/", {"host": "127.0.0.1"}, 403),
        ("GET", "/token/", {"host": "127.0.0.1:8001"}, 403),
        ("GET", "/token/", {"host": "evil.example:8000"}, 403),
        ("GET", "/token/", {"host": "127.0.0.1:8000.evil.example"}, 403),
        ("GET", "/token/", HERE | {"origin": "null"}, 403),
        ("GET", "/token/", HERE | {"origin": "http://evil.example"}, 403),
        ("GET", "/token/", HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        (
            "GET",
            "/token/",
            HERE | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
            403,
        ),
    ],
)
def test_only_the_printed_address_on_this_machine_passes(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert GUARD.fault(method, path, headers) == status
