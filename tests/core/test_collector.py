"""When Python's collector of reference cycles runs."""

import gc
import subprocess
import sys

from foldin.core import collector


def test_objects_of_a_library_are_never_looked_at_and_later_ones_are_still_freed():
    before = gc.get_freeze_count()
    try:
        with collector.never_of_these():
            assert not gc.isenabled()
            kept: list[object] = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() > 0
    finally:
        gc.unfreeze()


def test_it_works_again_after_an_import_that_failed():
    try:
        with collector.never_of_these():
            raise ImportError
    except ImportError:
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_a_relaxed_process_collects_after_so_many_objects():
    program = "import gc; from foldin.core import collector; collector.relax(); print(gc.get_threshold()[0])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(said) == collector.OBJECTS > 700
