"""Graph to plain records: numbers, names and module paths, copied so that a picture keeps no graph alive."""
