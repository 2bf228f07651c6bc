"""The published data sets, a module for each source: what its files are, and how they become tables.

`foldin.datasets` lists them, and nothing else imports them.
"""
