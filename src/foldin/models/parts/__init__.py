"""What model families share: the interface, biases, factors, networks, fold-in, losses, features, validation.

Families, notebooks and `evaluation` call it; it imports metrics, and no data set.
"""
