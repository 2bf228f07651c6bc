"""An edit of a module with compiled functions leaves no machine code of the older version in use."""

import ast
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


def test_whatever_compiled_code_takes_from_another_module_is_part_of_the_cache_s_name():
    """Compiled code holds the values of constants; the cache's name covers files that say `compiled` or `numba`."""
    taken = 0
    for file in compiled.PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        origin = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("foldin.")
            for alias in node.names
        }
        for function in tree.body:
            if not isinstance(function, ast.FunctionDef) or "compiled(" not in map(_name, function.decorator_list):
                continue
            body = [node for statement in function.body for node in ast.walk(statement)]
            for name in {node.id for node in body if isinstance(node, ast.Name)} & origin.keys():
                module, member = origin[name]
                source = compiled.PACKAGE.parent.joinpath(*module.split("."))
                inner = source / f"{member}.py"
                text = (inner if inner.is_file() else source.with_suffix(".py")).read_bytes()
                taken += 1
                assert b"compiled" in text or b"numba" in text, f"{file.name}: {function.name} takes {name}"
    assert taken, "no compiled function takes anything from another module: the test looks wrongly"


def _name(decorator: ast.expr) -> str:
    return ast.unparse(decorator).partition("(")[0] + "("
