"""Graph to plain records: numbers, names and module paths are copied out of a graph, so that a picture keeps no graph alive."""
