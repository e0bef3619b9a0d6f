"""What is shown beside pictures of graphs: notebook cards, plots of functions, pages with a slider."""
