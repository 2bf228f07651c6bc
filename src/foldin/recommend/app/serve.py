"""Starts the app: on loopback only, with a token, without telemetry, until Ctrl-C."""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import socket
from pathlib import Path
from typing import Any

from foldin.core import extras, paths
from foldin.core.errors import FoldinError
from foldin.recommend import names, saved
from foldin.recommend.app.guard import HOST, Guard

DATASET = "FOLDIN_APP_DATASET"
"""Names the data set for the page, which Streamlit runs as a script."""
SETTINGS = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "type",
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "logger.level": "error",
    "runner.magicEnabled": False,
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
}
"""Settings of Streamlit, which win over a person's own file of them: nothing leaves this machine."""
BYTES_OF_TOKEN = 24
SECONDS_TO_STOP = 1


def run(dataset: str | None, port: int) -> None:
    """Serve the app until Ctrl-C.

    Parameters
    ----------
    dataset : str or None
        The data set; that of params.yaml unless given.
    port : int
        The port on 127.0.0.1; 0 for a free one.

    Raises
    ------
    FoldinError
        When the extra is not installed, the port is not free, or the data set has no trained models.
    KeyboardInterrupt
        After Ctrl-C, with what to print.
    """
    data = names.dataset(dataset)
    extras.require("streamlit", "the app needs Streamlit", "app")
    ranking(data)
    os.environ[DATASET] = data
    with listening(port) as socket_:
        _serve(data, socket_)


def ranking(dataset: str) -> list[str]:
    """Return the models of a data set that rank and are trained, best NDCG first.

    Raises
    ------
    FoldinError
        When there are none, or no leaderboard.
    """
    families = names.families_of_models()
    found = [
        model
        for model in saved.by_rank(dataset)
        if model in families and (paths.models(dataset, families[model]) / model / "model.json").is_file()
    ]
    if not found:
        raise FoldinError(
            "no trained models here",
            where=(paths.root() / "data" / "models" / dataset).relative_to(paths.root()),
            remedy="train them: make repro",
        )
    return found


def stamp(folder: Path) -> str:
    """Return a digest of the names, sizes and times of the files in a folder: another one when one of them changes."""
    marks = []
    for file in sorted(folder.rglob("*")):
        # A stage may remove it at this moment.
        with contextlib.suppress(FileNotFoundError):
            found = file.stat()
            marks.append((str(file.relative_to(folder)), found.st_size, found.st_mtime_ns))
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    Raises
    ------
    FoldinError
        When the port is not free.
    """
    found = socket.socket()
    try:
        # A port that the app has just left can be taken again at once.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(64)
    except OSError as error:
        found.close()
        what = f"port {port} of {HOST} cannot be used ({error.strerror})"
        raise FoldinError(what, remedy="leave out --port to take a free one") from None
    return found


def opening(dataset: str, port: int, token: str) -> str:
    """Return what is printed when the app has started."""
    return f"{dataset}: open http://{HOST}:{port}/?token={token}\nCtrl-C ends the app."


def inline_scripts(page: str) -> str:
    """Return the hashes of the scripts that stand in a page, as a content security policy names them."""
    found = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in found)
    return " ".join(f"'sha256-{each}'" for each in hashes)


def _serve(dataset: str, socket_: socket.socket) -> None:
    import streamlit
    import uvicorn
    from starlette.middleware import Middleware
    from streamlit.web import bootstrap

    bootstrap.load_config_options(SETTINGS)
    port, token = int(socket_.getsockname()[1]), secrets.token_urlsafe(BYTES_OF_TOKEN)
    index = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = inline_scripts(index.read_text(encoding="utf-8"))
    script = str(Path(__file__).with_name("script.py"))
    app: Any = streamlit.App(script, middleware=[Middleware(Guard, token=token, port=port, scripts=scripts)])
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=SECONDS_TO_STOP)
    server = uvicorn.Server(config)
    print(opening(dataset, port, token), flush=True)
    try:
        server.run(sockets=[socket_])
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the app has stopped") from None
