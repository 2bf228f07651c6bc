"""The built-in synthetic data set `demo`: its preferences, its titles, and the ratings drawn from them.

`foldin.datasets` lists it; the oracle reads `truth`, which imports no reader.
"""
