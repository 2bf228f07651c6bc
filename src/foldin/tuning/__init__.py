"""Search of settings on training data: what is tried, how a trial is judged, and what is chosen.

`foldin.workspace.tune` runs trials side by side, for the stage `tune` and for people. Nothing here sees the test part.
"""
