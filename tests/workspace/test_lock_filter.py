"""What git sees of dvc.lock: notebooks saved with outputs leave no trace in it."""

import subprocess
import sys

from conftest import CHECKOUT

from foldin.workspace import pipeline

LOCK = """schema: '2.0'
stages:
  strip:
    cmd: python src/foldin strip
    deps:
    - path: notebooks
      hash: md5
      md5: {saved}.dir
      size: {size}
      nfiles: {count}
    - path: src/foldin/workspace/strip.py
      hash: md5
      md5: cccc
      size: 12
    outs:
    - path: data/notebooks
      hash: md5
      md5: bbbb.dir
      size: 100
      nfiles: 8
  source:
    cmd: python src/foldin source
    deps:
    - path: data/notebooks
      hash: md5
      md5: bbbb.dir
      size: 100
      nfiles: 8
"""
CLEAN = LOCK.format(saved="bbbb", size=100, count=8)


def test_the_hash_of_saved_notebooks_gives_way_to_that_of_stripped_ones():
    assert pipeline.as_stripped(LOCK.format(saved="aaaa", size=2003807, count=8)) == CLEAN
    assert pipeline.as_stripped(CLEAN) == CLEAN


def test_a_folder_that_holds_more_than_notebooks_is_left_as_it_is():
    other = LOCK.format(saved="aaaa", size=104, count=9)
    assert pipeline.as_stripped(other) == other


def test_the_committed_lock_is_of_notebooks_without_outputs_and_other_text_passes():
    committed = (CHECKOUT / "dvc.lock").read_text()
    assert pipeline.as_stripped(committed) == committed
    assert "- path: notebooks\n" in committed
    for text in ("", "<<<<<<< HEAD\n", "stages: {}\n"):
        assert pipeline.as_stripped(text) == text


def test_the_command_that_git_is_given_does_so():
    done = subprocess.run(
        [sys.executable, "src/foldin", "strip", "--lock-filter"],
        input=LOCK.format(saved="aaaa", size=1, count=8), cwd=CHECKOUT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == CLEAN
