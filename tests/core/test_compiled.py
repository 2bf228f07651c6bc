"""An edit of a module with compiled functions leaves no machine code of the older version in use."""

import shutil
import subprocess
import sys

from foldin.core import compiled

PROGRAM = "from foldin.caller import call; print(call(3.0))"


def test_an_edit_of_what_a_compiled_function_calls_is_compiled(tmp_path, monkeypatch):
    core = tmp_path / "foldin" / "core"
    core.mkdir(parents=True)
    (tmp_path / "foldin" / "__init__.py").touch()
    (core / "__init__.py").touch()
    shutil.copy(compiled.__file__, core / "compiled.py")
    start = "from foldin.core.compiled import compiled\n"
    (tmp_path / "foldin" / "caller.py").write_text(
        f"{start}from foldin.callee import times\n@compiled()\ndef call(x):\n    return times(x)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for factor in (2, 5):
        (tmp_path / "foldin" / "callee.py").write_text(f"{start}@compiled()\ndef times(x):\n    return {factor} * x\n")
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        assert float(done.stdout) == factor * 3.0
