"""Separators made ready to separate: the same stems, several times as fast as the network that was trained.

A network is written for training. `for_inference` makes a copy for separating alone: batch norms are folded into the
convolutions before them, weights and activations are of the type that the processor multiplies fastest, memory is laid
out as convolutions want it, and the last stem is what the others leave of the mixture. Where an architecture has more
to give, its forward pass is written anew (`tdf`). STFTs stay in float32.
"""

from components.core.separating.fast.separators import for_inference
from components.core.separating.precision import Precision, best_precision

__all__ = ["Precision", "best_precision", "for_inference"]
