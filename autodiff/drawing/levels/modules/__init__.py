"""The picture of modules: titles, the column of parameters, repeated modules."""
