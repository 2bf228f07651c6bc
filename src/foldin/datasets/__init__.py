"""The data sets: `registry` lists them, `formats` parses bytes, and `known`, `own` and `demo` make tables.

`preparation` calls it. It imports `core` alone; this file imports nothing, so importing `demo.truth` loads no reader.
"""
