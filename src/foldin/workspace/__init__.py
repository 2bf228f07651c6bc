"""What makes runs trustworthy: notebooks run and stripped, inputs watched, outputs published whole, runs compared.

The command line and the notebooks call it. It may import everything but the gallery of traps.
"""
