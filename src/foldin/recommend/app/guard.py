"""Lets only the person who started the app use it: every request needs the token, from a page of the app itself.

A page of another site that is open in the same browser could else send requests to a server on loopback. The guard is
plain ASGI (https://asgi.readthedocs.io) and stands before the whole framework, which never sees a refused request.
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Message, Receive, Send], Awaitable[None]]

HOST = "127.0.0.1"
NO_TOKEN = "foldin: open the address that `foldin demo-app` printed, with its token\n"
ELSEWHERE = "foldin: this app answers only its own page on this machine\n"


class Guard:
    """Wraps an ASGI app; passes on what carries the token.

    The first request has the token in its address, and gets it as a cookie; the address is replaced by one without.

    Parameters
    ----------
    app : callable
        The app.
    token : str
        The secret, of letters that need no quoting in an address.
    port : int
        The port that the app is served on.
    scripts : str, optional
        Sources of scripts beside the app's own files, as a content security policy names them.
    """

    def __init__(self, app: ASGI, *, token: str, port: int, scripts: str = "") -> None:
        self._app, self._token = app, token
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        # Cookies do not know ports: two apps at once keep two cookies.
        self._cookie = f"foldin-app-{port}"
        self._headers = {
            # The browser itself refuses to fetch anything from elsewhere, and to run what a title may hold.
            "content-security-policy": f"default-src 'self'; script-src 'self' {scripts}; "
            "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
            f"connect-src 'self' {' '.join(f'ws://{host}' for host in sorted(self._hosts))}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get("host", "")
        if host not in self._hosts or headers.get("origin", f"http://{host}") != f"http://{host}":
            await _refuse(scope, receive, send, ELSEWHERE)
        elif self._is_token(_cookies(headers.get("cookie", "")).get(self._cookie, "")):
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "http" and self._is_token(_query(scope).get("token", [""])[0]):
            cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Lax; Path=/"
            await _answer(send, 303, "", {"location": "/", "set-cookie": cookie, "cache-control": "no-store"})
        else:
            await _refuse(scope, receive, send, NO_TOKEN)

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())

    def _with_headers(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_encoded(self._headers)]
            await send(message)

        return sent


async def _refuse(scope: Message, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    else:
        await _answer(send, 403, why, {})


async def _answer(send: Send, status: int, text: str, headers: dict[str, str]) -> None:
    head = _encoded({"content-type": "text/plain; charset=utf-8", **headers})
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": text.encode()})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]


def _cookies(header: str) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in header.split(";"))
    return {name: value for name, _, value in pairs}


def _query(scope: Message) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"))
