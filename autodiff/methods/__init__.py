"""What Tensor and Scalar can do beside ``variable.py``: operators, methods, their fast paths, text, interchange."""
