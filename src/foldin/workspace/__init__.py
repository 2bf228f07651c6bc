"""Trustworthy runs: notebooks run and stripped, inputs watched, outputs published atomically, runs compared.

The command line and the notebooks call it. It may import everything but the gallery of traps.
"""
