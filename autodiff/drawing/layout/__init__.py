"""Picture to coordinates: the built-in layered layout, used where Graphviz is missing."""
