"""The gallery of traps: mistakes of published comparisons, shown on the data at hand.

A guest: the notebook `traps` calls it, and nothing else imports it.
"""
