"""The export of networks to ONNX: `onnx_export` writes a file, the other modules make networks real-valued."""
