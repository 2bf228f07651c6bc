"""What everything else stands on: errors, paths, files, params.yaml, progress, determinism, and the user-item matrix.

Every other package calls it; it imports nothing of them.
"""
