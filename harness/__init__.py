"""The harness: checks, measures and reports on implementations that it knows only as processes.

It never imports a framework and never imports `implementations`. Imports go downhill only:
`__main__` > report, check, measure, plan, analyse > launch, witness, gauge > charts, stats > model.
"""
