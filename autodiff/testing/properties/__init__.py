"""The properties of a right derivative, one function each."""
