"""Which data sets there are: `registry` lists them, `formats` reads bytes, and `known`, `own` and `demo` make tables.

`preparation` calls it. It imports `core` alone, and this file nothing, so that `demo.truth` comes without a reader.
"""
