"""Who may ask: this machine alone, by the address that the command printed.

A page of another site can make a browser send requests here. It cannot know the token, which is a part of every
address; a name that it points at this machine (DNS rebinding) is not among the hosts; and where a browser says from
where a request comes, another site is refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

LOOPBACK = "127.0.0.1"
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
REFUSED = "Open the address that 'unnoise look' printed: it has a key in it, which is another one each time."

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application that hands on what may pass, and puts safe headers on every answer.

    Args:
        app: the application behind it.
        token: the first part of every path.
        port: where it listens.

    >>> guard = Guard(app=None, token="abc", port=8000)  # one that refuses needs no application
    >>> [guard.fault("GET", path, {"host": "localhost:8000"}) for path in ("/abc/row", "/abd/")]
    [0, 404]
    >>> guard.fault("GET", "/abc/", {"host": "evil.example:8000"})
    403
    """

    def __init__(self, app: App | None, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}

    def fault(self, method: str, path: str, headers: Mapping[str, str]) -> int:
        """The status of a refusal, or 0."""
        if headers.get("host", "").lower() not in self.hosts:
            return 403
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self.hosts}:
            return 403
        navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and not navigates:
            return 403
        if method not in ("GET", "HEAD"):
            return 405
        first = path.removeprefix("/").partition("/")[0]
        return 0 if hmac.compare_digest(first.encode(), self.token.encode()) else 404

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            if self.app is not None:
                await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no sockets here
            return

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status = self.fault(scope["method"], scope["path"], headers)
        if self.app is not None and not status:
            await self.app(scope, receive, safely)
            return
        words = REFUSED.encode()
        kind = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(words)).encode())]
        await safely({"type": "http.response.start", "status": status, "headers": kind})
        await safely({"type": "http.response.body", "body": words if scope["method"] != "HEAD" else b""})
