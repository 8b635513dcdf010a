"""Trained networks in other engines than torch: exported to ONNX, run by ONNX Runtime or OpenVINO.

The engines are optional: `pip install 'stemline[runtimes]'`. Transforms stay torch's; what an engine runs is the
`network` of a separator, at the one shape that a segment has. To add a runtime, add its file and
its line in `registry`.
"""
