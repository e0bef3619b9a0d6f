"""Planning: the order of elements, the memory and the cost of every value, and the source that is written of it."""
