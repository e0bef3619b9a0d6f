"""Writes into values: which handle shows whose array, when an array was written last, and the writes themselves."""
