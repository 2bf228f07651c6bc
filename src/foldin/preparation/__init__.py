"""The stages fetch, clean and user_item: from raw files to user-item matrices and a test part.

The command line calls them. They know data sets, and no metric or model.
"""
