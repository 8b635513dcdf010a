"""Copies of separators that separate several times as fast as the trained network.

`for_inference` makes such a copy: batch norms are folded into the convolutions before them, weights and activations
have the fastest type of the CPU, the memory layout is the one that convolutions prefer, and the last stem is the
mixture minus the other stems. `tdf_unet` has a special forward pass. STFTs stay in float32.
"""

from components.core.separating.fast.inference_copies import for_inference
from components.core.separating.precision import Precision, best_precision

__all__ = ["Precision", "best_precision", "for_inference"]
