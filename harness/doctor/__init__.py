"""Whether this machine is fit to measure: one check a function, one list of them in `visit`.

Rules: nothing is changed on the machine. A check looks at a `Place` (files below a root, and probes
that ask the running kernel) and returns a `Finding`; its bounds stand beside it with their reason.
pyperf's own system checks are private to it and mostly set what they check: they were refused.
"""
