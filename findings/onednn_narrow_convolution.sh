#!/usr/bin/env bash
# Finding: on processors with AMX a strided convolution in bfloat16 gives wrong numbers or NaN when its output is one
# column wide. The input is valid, and the script uses public packages only.
#
#   torch==2.13.0 (oneDNN 3.12.0), primitive brg_conv_fwd:avx10_1_512_amx, x86_64, observed on 30 November 2026.
#
# conv2d of (1, 64, 67, 5) with a kernel of 5 x 5 and a stride of 2 gives (1, 128, 32, 1). The first row is right to
# the rounding of bfloat16 (0.006). The values of all other rows, which should be about 1, are wrong by 3 to 5, or are
# NaN or 1e36: these rows contain the earlier content of the memory. The error occurs for every kernel and every stride
# of 2 or more along the width when the output has a width of 1. With a width of 2 or a stride of 1 the result is right.
# It is also right with ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16.
#
# Observed output:
#   torch 2.13.0+cpu, amx_bf16 True
#   output width 1: worst relative error of row 0: 0.002, of the other rows: nan
#   output width 2: worst relative error 0.002
#   input gradient of a transposed convolution, input width 1: worst relative error nan
#   as found: wrong for width 1, right for width 2
#
# Exits 0 if the behaviour is as described, 1 if it has changed. Without AMX it prints that it skips the check, and
# exits 0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch.nn.functional import conv2d, conv_transpose2d

amx = bool(torch.cpu.get_capabilities().get("amx_bf16"))
print(f"torch {torch.__version__}, amx_bf16 {amx}")
if not amx:
    print("skipped: this processor has no AMX for bfloat16, so oneDNN takes another primitive, which is right")
    sys.exit(0)

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)


def rounded(*shape: int) -> torch.Tensor:
    """Return random values that bfloat16 holds exactly."""
    return torch.randn(*shape, generator=generator).bfloat16().float()


def fill_free_memory_with_nan() -> None:
    _ = [torch.full((size,), torch.nan) for size in (2**8, 2**12, 2**16, 2**20) for _ in range(4)]


def errors(width: int) -> torch.Tensor:
    """Return the relative error of bfloat16 against float32 for each output row."""
    image, kernel = rounded(1, 64, 67, width), rounded(128, 64, 5, 5)
    exact = conv2d(image, kernel, stride=2)
    fill_free_memory_with_nan()
    found = conv2d(image.bfloat16(), kernel.bfloat16(), stride=2).float()
    return (found - exact).abs().amax(dim=(0, 1, 3)) / exact.abs().max()


def gradient_error() -> float:
    kernel = rounded(32, 32, 5, 5)
    values, weights = rounded(1, 32, 32, 1), rounded(1, 32, 67, 5)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        image = values.to(dtype, copy=True).requires_grad_()
        output = conv_transpose2d(image, kernel.to(dtype), stride=2)
        fill_free_memory_with_nan()
        output.backward(weights.to(dtype))
        gradients.append(image.grad.float())
    exact, found = gradients
    return float(((found - exact).abs() / exact.abs().max()).max())


narrow, wide = errors(5), errors(7)
gradient = gradient_error()
print(f"output width 1: worst relative error of row 0: {narrow[0]:.3f}, of the other rows: {narrow[1:].max():.3f}")
print(f"output width 2: worst relative error {wide.max():.3f}")
print(f"input gradient of a transposed convolution, input width 1: worst relative error {gradient:.3f}")
# "not <" also catches NaN
as_found = narrow[0] < 0.02 and not narrow[1:].max() < 0.02 and wide.max() < 0.02 and not gradient < 0.02
print("as found: wrong for width 1, right for width 2" if as_found else "changed: not as described in this file")
sys.exit(0 if as_found else 1)
PYTHON
