"""report.html: all that a run gave in one file, to sort, filter, unfold and read side by side.

Rules: Summary and source texts in, one HTML text out, the same bytes every time. jinja2 escapes
whatever is put in; style and scripts are the page's own, named by their hashes in its policy, and
nothing else may load or run. All but the charts reads the same without the scripts.
"""
