"""How bytes become rows: delimited lines, JSON lines and SQLite, and what their fields may hold.

The readers of `known` and `own` call it; it knows no data set.
"""
