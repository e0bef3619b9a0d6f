"""How a result is told: the report, the counterexample, and the kind of mistake it looks like."""
