"""Recommendations from saved models: for a user, for all users, for somebody new, and the items near an item.

The commands of `commands` call it, and nothing else. It reads the training part and saved models, never the test part,
and trains nothing. No stage imports it, so that an edit reruns none.
"""
