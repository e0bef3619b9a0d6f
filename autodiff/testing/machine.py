"""A state machine of graphs: random builds, backward passes, writes, views, hooks and frees against a naive model.

`GraphMachine` is a Hypothesis `RuleBasedStateMachine`. Its model is a list of float64 values and the recipe of each, with
a gradient computed by replaying the recipes in forward mode: no graph, no sharing, no cleverness.
"""
