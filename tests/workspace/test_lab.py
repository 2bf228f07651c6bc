"""`foldin lab` is for the person who started it: it listens on the loopback address only, and wants its token."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest
from conftest import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def lab(workspace, tmp_path_factory):
    """Return the process of a JupyterLab and its address with the token, as somebody without a profile starts it."""
    (workspace / "notebooks").mkdir()
    home, log = tmp_path_factory.mktemp("home"), workspace / "lab.log"
    command = [
        sys.executable,
        str(CHECKOUT / "src" / "foldin"),
        "lab",
        "--",
        "--no-browser",
        "--port=0",
        "--allow-root",
    ]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    with log.open("w") as file:
        server = subprocess.Popen(
            command, cwd=workspace, stdout=file, stderr=file, env={**os.environ, "HOME": str(home), "PATH": path}
        )
    try:
        for _ in range(1200):
            if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)", log.read_text()):
                break
            time.sleep(0.1)
        assert found, log.read_text()
        yield psutil.Process(server.pid), found[1], found[2]
    finally:
        server.terminate()
        server.wait(60)


def answer(address, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as found:
            return found.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_it_listens_on_loopback_and_answers_nobody_without_the_token(lab):
    process, address, token = lab
    listening = [each.laddr.ip for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    assert listening
    assert set(listening) == {"127.0.0.1"}
    assert len(token) >= 32
    contents = f"{address}/api/contents"
    assert answer(contents) == 403
    assert answer(f"{contents}?token={token[::-1]}") == 403
    assert answer(f"{contents}?token={token}") == 200
    # A page elsewhere whose name was made to mean this machine.
    assert answer(f"{contents}?token={token}", Host="evil.example") == 403
    assert token not in " ".join(process.cmdline())
