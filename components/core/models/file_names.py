"""What the files of a model's folder are called (bundle.py reads and writes them), for those who need no torch."""

DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"
