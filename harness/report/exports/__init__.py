"""A run for other programs: one module a format, each from the records to a text.

Rules: a format is what its reader's own documentation says, not ours; nothing is computed here that
the summary has not. The same run gives the same bytes.
"""
