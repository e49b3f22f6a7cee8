"""The explorer, which searches for traces on which two implementations behave differently.

`trace` is what is played, as data; `course` says which steps an echo trace may hold, `echo_model`
and `fetch_model` what must be seen (`reading` is their own view of RFC 9112); `echo_replay` and
`fetch_replay` play a trace and say what was seen; `observation` compares the two. `strategies`
makes traces, `crew` has `worker` processes play them, `explorer` drives the search, `command` is
its command line.
"""
