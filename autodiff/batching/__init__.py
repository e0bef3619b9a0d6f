"""Batching: many examples at once, under a function that was written for one.

``vmap`` (in ``transforms``) opens a frame and calls the function with ``Batched`` handles: each has the shape of one
example, and holds all of them in one payload, the batch axis first. ``handle`` has the handle and its frame. ``routes``
runs a row, a NumPy function or a composite on such handles: by the row's batch function (``ways``: one for each kind
of row, ``indexing`` for indices), or in a loop over the examples. Operations are recorded on the payloads, so that
derivatives outside need nothing new. Never here: derivative rules, names of single operations.
"""
