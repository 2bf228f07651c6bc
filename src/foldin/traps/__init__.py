"""The gallery of traps: known mistakes in evaluating recommenders, each made on purpose and corrected.

An optional extra: the notebook `traps` calls it, and no stage depends on it. docs/gallery.md explains each trap.
"""
