"""What this machine separates on."""

import torch

CPU = "cpu"
GPU_BATCH = 8
"""Segments in a forward pass of a GPU, of whichever recordings; never more or fewer, since that would change bits."""

GPU_TRACKS = 4
"""Recordings that share a GPU, so that it need not wait for one's decoder or disk."""


def devices() -> list[str]:
    """Return torch's names of the GPUs, or of the processor where there is none."""
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or [CPU]
