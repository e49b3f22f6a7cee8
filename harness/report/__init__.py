"""What people read: REPORT.md with its charts and report.html, and what the terminal says.

Rules: nothing is computed here that is not in the files a run wrote. Importing the package costs
nothing: what draws is imported by `rendering` alone.
"""

FOLDER = "report"  # below REPORT.md: whatever it links to
HTML_FILE = "report.html"  # in FOLDER
