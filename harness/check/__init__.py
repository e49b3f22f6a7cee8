"""The behaviour suite, which asks whether these programs behave alike.

`case` says what a case is, `stage` plays it, `server` is a running echo, `peer` and `origin` are
the two scripted counterparts. The `echo_*` and `fetch_*` modules hold the cases, and `cases` lists
them. `suite` has them played by a `crew` of `worker` processes and hands over the verdicts;
`control` measures how late the machine is meanwhile, and `mortal` sees to it that nothing outlives
the harness.
"""
