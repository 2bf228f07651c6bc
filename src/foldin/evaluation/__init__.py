"""The stage evaluate, the only one that reads the test part: it judges saved models and never fits one.

The command line calls it. It imports models and metrics, and no reader of a data set.
"""
