"""Rows of Bessel functions and their kin: ordinary, modified, Airy's."""
