"""The picture as data: boxes, lines and frames, how each kind of box looks, colours, words and text."""
