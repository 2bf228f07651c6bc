"""The made-up data set whose truth is known: the world, its titles, the ratings drawn from it, and the truth.

`foldin.datasets` lists it; the oracle reads `truth`, which imports no reader.
"""
