"""Members of Tensor and Scalar that are not in ``variable.py``: operators, methods, fast paths, text, interchange."""
