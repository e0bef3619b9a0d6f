"""Filters and spectra of signals, under the names of ``scipy.signal``."""
