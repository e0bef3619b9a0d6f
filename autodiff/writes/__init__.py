"""Writes into values: the handles that share an array, the time of the last write, and the writes themselves."""
