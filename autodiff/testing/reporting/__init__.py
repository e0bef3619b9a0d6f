"""Reports of a check: counts, the counterexample, and the likely kind of mistake."""
