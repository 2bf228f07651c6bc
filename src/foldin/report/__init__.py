"""The report: the leaderboard, which models tie, the verdict, the page and its plots.

The notebooks `report` and `explore` call it, and all notebooks its plots. It trains nothing.
"""
