"""Your own files: the declaration under `sources` of params.yaml, how it is read, and what `foldin describe` proposes.

`foldin.datasets` and the command line call it.
"""
