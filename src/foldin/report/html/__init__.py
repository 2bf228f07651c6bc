"""The page of a report for a browser: reports/<dataset>/report.html, one file that needs no network."""
