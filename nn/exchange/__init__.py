"""Weights and models in the formats of other libraries: safetensors and ONNX. Each needs its package, an extra."""
