"""The stage evaluate, the only one that reads the test part: it evaluates saved models and never trains one.

The command line calls it. It imports models and metrics, and no reader of a data set.
"""
