"""Batching: many examples at once, under a function that was written for one.

``vmap`` (in ``transforms``) opens a frame and hands the function ``Batched`` handles: each looks like one example, and
holds all of them in one payload, the batch axis first. ``handle`` has the handle and its frame. ``routes`` runs a row,
a NumPy function or a composite on such handles: by the row's own way (``ways``: one function for each kind of row,
``indexing`` for indices), or in a loop over the examples. What is recorded is recorded on the payloads, so that
derivatives of anything outside need nothing new. Never here: derivative rules, names of single operations.
"""
