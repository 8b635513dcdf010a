"""Trained networks in other engines than torch: exported to ONNX, run by ONNX Runtime or OpenVINO.

The engines are optional: `pip install 'stemline[runtimes]'`. What an engine runs is the `network` of a separator, at
the one shape that a segment has. STFTs around a network stay torch's; those inside one (Hybrid Demucs, HT Demucs,
BS-RoFormer) are the engine's as well, in real arithmetic (`real_stft`). To add a runtime, add its file and its line in
`registry`.
"""
