"""Measuring: blocks of fresh processes, driven by the native gauge, into samples.jsonl.

`cells` says under which conditions, `job` is what one fresh process is asked to give, `echo` and
`fetch` do one job each, and `session` orders the jobs, keeps the budget and knows what is left.
"""
