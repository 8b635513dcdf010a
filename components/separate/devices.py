"""What this machine separates on."""

import torch


def devices() -> list[str]:
    """Return torch's names of the GPUs, or of the processor where there is none."""
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
