"""Parsers from bytes to rows: delimited lines, JSON lines and SQLite, and the types of their fields.

The readers of `known` and `own` call it; it knows no data set.
"""
