"""Records to picture: one file for each level of detail, and what the levels share."""
