"""Picture to text or bytes: one file for each format, and the program `dot`."""
