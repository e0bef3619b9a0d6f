"""Other pictures, beside those of graphs: notebook cards, plots of functions, pages with a slider."""
