"""The measurement of a slope, and its comparison with a claimed one."""
