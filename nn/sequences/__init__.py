"""Layers for sequences: embeddings, recurrent layers, attention and transformers, positions.

Shapes follow PyTorch: T steps, N sequences, and features last: (T, N, E), or (N, T, E) with `batch_first=True`. This
file imports nothing, so that `nn.functional` can take the functions from the files here before the layers exist.
"""
