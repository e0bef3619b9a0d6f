"""One optimizer a file: the formula that updates a parameter, given its gradient."""
