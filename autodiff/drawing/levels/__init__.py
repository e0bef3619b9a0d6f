"""Records to picture: one file for each level of detail, and the parts that the levels share."""
