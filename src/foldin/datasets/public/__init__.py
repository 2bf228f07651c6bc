"""Published data sets that the readers of `own` read: each is a declaration, as you would write it in params.yaml.

A source whose files need a reader of their own is a module of `known`.
"""
