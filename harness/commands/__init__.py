"""The commands, one noun a module: `options` has what several of them take.

Rules: a command makes or opens a run folder, calls stages, and prints. What goes wrong it raises:
`__main__` turns it into one sentence and an exit status.
"""
