"""A stage ends when the DVC that started it does, however that ends, and a kernel when its stage does."""

import os
import shlex
import signal
import subprocess
import sys

import psutil
import pytest

from foldin.workspace import end_with_parent

STAGE = (
    "from foldin.workspace import end_with_parent; import time; "
    "end_with_parent.end_stage_with_it(); print('here', flush=True); time.sleep(60)"
)
KERNEL = STAGE.replace("end_stage", "end_kernel")
# Stands for DVC: it starts a command as DVC does, and waits for it.
DVC = "import subprocess, sys; subprocess.run(sys.argv[1:])"


def start(command, **variables):
    """Start a command as DVC does; return what stands for DVC, and the process that runs at the end of the chain."""
    environment = {key: value for key, value in os.environ.items() if key != end_with_parent.STARTED_BY_DVC} | variables
    dvc = subprocess.Popen(
        [sys.executable, "-c", DVC, *command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert dvc.stdout.readline() == "here\n"
    stage = psutil.Process(dvc.pid).children(recursive=True)[-1]
    return dvc, stage


def kill(dvc, how=signal.SIGKILL):
    dvc.send_signal(how)
    dvc.wait()
    dvc.stdout.close()


def ends(process, within=10):
    """Return whether a process ends; one that nobody waits for stays in the table as a zombie."""
    try:
        # An orphan is nobody's child here, so psutil polls.
        for _ in range(within * 20):
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            try:
                process.wait(0.05)
            except psutil.TimeoutExpired:
                continue
            return True
    except psutil.NoSuchProcess:
        return True
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_ends_with_its_dvc_by_a_thread_where_a_shell_is_between(how):
    # A shell that has more to do does not become the command that it runs.
    command = ["/bin/sh", "-c", f"{shlex.join([sys.executable, '-c', STAGE])}; true"]
    dvc, stage = start(command, DVC_STAGE="train@demo-als", SHELL="/bin/sh")
    kill(dvc, how)
    assert ends(stage)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a stopped process for us")
@pytest.mark.parametrize("code", [STAGE, KERNEL])
def test_even_a_stopped_stage_or_kernel_ends(code):
    # Jupyter names the kernel's parent; here it is what stands for DVC, which only it knows.
    code = code.replace("import time;", "import os, time; os.environ['JPY_PARENT_PID'] = str(os.getppid());")
    dvc, stage = start([sys.executable, "-c", code], DVC_STAGE="train@demo-als")
    stage.send_signal(signal.SIGSTOP)
    kill(dvc)
    assert ends(stage)


def test_a_stage_that_a_person_started_may_outlive_the_terminal():
    dvc, stage = start([sys.executable, "-c", STAGE])
    kill(dvc)
    assert not ends(stage, within=2)
    stage.kill()


def test_a_stage_whose_dvc_has_ended_before_it_looked_is_refused():
    code = """
import os, sys, time
if os.fork():
    os._exit(0)
time.sleep(0.3)
from foldin.core import errors
from foldin.workspace import end_with_parent
try:
    end_with_parent.end_stage_with_it()
except errors.FoldinError as error:
    print(error)
"""
    environment = os.environ | {end_with_parent.STARTED_BY_DVC: "train@demo-als"}
    # One more process in between leads the session, as a terminal's shell does.
    shell = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    done = subprocess.run(
        [sys.executable, "-c", shell],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.stdout == "the DVC that started this stage has ended; start it again: dvc repro\n", done.stderr
