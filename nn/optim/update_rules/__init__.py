"""One optimizer a file: how a step moves a parameter, given its gradient."""
