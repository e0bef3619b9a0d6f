"""Guards round a block or a call: nothing made in the graph is left over, nothing is mutated, nothing is random.

Here live three checks that stand alone: `graph_leak_check`, `assert_unmutated` and `assert_deterministic`. None of them
looks at a derivative. They watch objects from outside and need no support from the code they watch.
"""
