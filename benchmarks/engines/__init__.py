"""Trained networks in other engines than torch: exported to ONNX, run by ONNX Runtime or OpenVINO.

The engines are optional: `pip install 'stemline[runtimes]'`. An engine runs the `network` of a separator, at the one
shape of a segment. torch computes STFTs around a network; the engine computes those inside one (Hybrid Demucs, HT
Demucs, BS-RoFormer), in real arithmetic (`real_stft`). To add a runtime, add its file and its line in `registry`.
"""
