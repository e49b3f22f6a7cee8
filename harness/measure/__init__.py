"""Measuring: blocks of fresh processes, driven by the native gauge, into samples.jsonl.

`cells` says under which conditions, `job` is what one fresh process is asked to give, `echo` and
`fetch` do one job each. `schedule` orders the jobs, `gate` lets each begin once the machine is
quiet, and `session` walks through them until it is enough, and knows what is left.
"""
