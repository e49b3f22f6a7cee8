"""What proves the instrument: `nox -s proof`, one row a claim with a figure that can be missed.

Rules: a row measures with the same jobs, rules and statistics as a run does (`measure`, `units`,
`results`, `contrast`) and writes none of them again. What runs and what judges stand apart: figures
come from pure functions over what was measured. The rows and their order: `table.ROWS`.
"""
