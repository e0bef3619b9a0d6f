"""Layers, one file a family: each holds the functions of `nn.functional` and the modules that call them."""
