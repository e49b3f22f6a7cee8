"""The suite's own proof: planted faults, harmless variants and blinded checkers.

Rules: nothing here judges an implementation. `table` says what is planted where; `programs` makes
implementations of it; `play` plays them; `sabotage` blinds the harness.
"""
