"""The guard of the app: no request without the token, from elsewhere, or of another site reaches it."""

import asyncio

import pytest

from foldin.recommend.app.guard import Guard

PORT, TOKEN = 4321, "right-token"
COOKIE = f"foldin-app-{PORT}={TOKEN}"
HOST = f"127.0.0.1:{PORT}"


def asked(kind="http", query="", **headers):
    """Return what a request is answered: what the app saw, and the messages sent."""
    seen, sent = [], []

    async def app(scope, receive, send):
        seen.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})
            await send({"type": "http.response.body", "body": b"page"})

    async def receive():
        return {"type": f"{kind}.connect"}

    async def send(message):
        sent.append(message)

    given = {"host": HOST} | headers
    scope = {
        "type": kind,
        "path": "/",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(Guard(app, token=TOKEN, port=PORT, scripts="'sha256-x'")(scope, receive, send))
    return seen, sent


def heads(sent):
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def test_the_token_of_the_address_becomes_a_cookie_and_leaves_the_address():
    seen, sent = asked(query=f"token={TOKEN}")
    assert (seen, sent[0]["status"]) == ([], 303)
    assert heads(sent)["location"] == "/"
    assert heads(sent)["set-cookie"].startswith(f"{COOKIE}; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}"])
def test_a_request_of_the_page_with_the_cookie_is_passed_on(kind, host):
    seen, _ = asked(kind, cookie=f"other=1; {COOKIE}", host=host, origin=f"http://{host}")
    assert seen == [kind]


def test_an_answer_lets_the_browser_fetch_nothing_from_elsewhere():
    _, sent = asked(cookie=COOKIE)
    assert heads(sent)["x-app"] == "1"
    policy = dict(each.strip().split(" ", 1) for each in heads(sent)["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'sha256-x'", "no inline script but the page's own"
    sources = {source for allowed in policy.values() for source in allowed.split()}
    named = {"'self'", "'none'", "'unsafe-inline'", "'sha256-x'", "data:", "blob:"}
    assert sources - named == {f"ws://{HOST}", f"ws://localhost:{PORT}"}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("token=wrong", {}),
        ("token=", {}),
        ("token=%C3%A9", {}),
        ("", {"cookie": f"foldin-app-{PORT}=wrong"}),
        ("", {"cookie": f"foldin-app-{PORT}="}),
        ("", {"cookie": f"foldin-app-1={TOKEN}"}),
        (f"token={TOKEN}", {"host": f"evil.example:{PORT}"}),
        ("", {"cookie": COOKIE, "host": f"evil.example:{PORT}"}),
        ("", {"cookie": COOKIE, "host": "127.0.0.1:1"}),
        ("", {"cookie": COOKIE, "origin": "http://evil.example"}),
        ("", {"cookie": COOKIE, "origin": "http://127.0.0.1:1"}),
        ("", {"cookie": COOKIE, "origin": "null"}),
    ],
)
def test_any_other_request_is_refused_and_never_seen_by_the_app(query, headers):
    seen, sent = asked(query=query, **headers)
    assert (seen, sent[0]["status"]) == ([], 403)
    assert sent[1]["body"].startswith(b"foldin: ")
    seen, sent = asked("websocket", query, **headers)
    assert seen == []
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_token_of_an_address_opens_no_websocket():
    seen, _ = asked("websocket", f"token={TOKEN}")
    assert seen == []


def test_the_start_and_end_of_the_server_are_passed_on():
    seen, _ = asked("lifespan")
    assert seen == ["lifespan"]
