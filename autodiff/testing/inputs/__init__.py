"""Examples: Hypothesis strategies, and the search that shrinks a failing example."""
