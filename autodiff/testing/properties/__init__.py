"""What is checked: the properties of a right derivative, one function each."""
