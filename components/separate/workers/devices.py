"""The devices of this machine that separate."""

import torch

CPU = "cpu"
GPU_BATCH = 8
"""Segments in a forward pass on a GPU, from any recordings; always as many, because another number changes bits."""

GPU_TRACKS = 4
"""Recordings that share a GPU, so that it does not wait for the decoder or the disk of one."""


def list_devices() -> list[str]:
    """Return torch's names of the GPUs, or of the processor when there is none."""
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or [CPU]
