"""Shared foundations: errors, paths, files, params.yaml, progress, determinism, and the user-item matrix.

Every other package calls it; it imports none of them.
"""
