"""The gallery of traps: known mistakes in evaluating recommenders, each made on purpose and corrected.

A guest: the notebook `traps` calls it, and nothing else imports it. docs/gallery.md explains each trap.
"""
