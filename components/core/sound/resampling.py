"""Other rates and other numbers of channels."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from components.core.sound.decoding import Audio


def resample(audio: Audio, rate: int, new_rate: int) -> Audio:
    """Return `(channels, samples)` at `new_rate` Hz."""
    return np.concatenate(list(resample_blocks([audio], rate, new_rate)), axis=1)


def resample_blocks(blocks: Iterable[Audio], rate: int, new_rate: int) -> Iterator[Audio]:
    """Turn blocks `(channels, any)` at `rate` Hz into blocks at `new_rate` Hz, whatever their sizes.

    The SoX resampler at its high quality: 20 bits, linear phase, no delay. Rounding may make the result a sample
    shorter or longer than `samples * new_rate / rate`.
    """
    if rate == new_rate:
        yield from blocks
        return
    stream: soxr.ResampleStream | None = None
    for block in blocks:
        stream = stream or soxr.ResampleStream(rate, new_rate, block.shape[0], dtype="float32", quality="HQ")
        yield _resampled(stream, block, last=False)
        nothing = block[:, :0]
    if stream is not None:
        yield _resampled(stream, nothing, last=True)


def _resampled(stream: soxr.ResampleStream, block: Audio, last: bool) -> Audio:
    resampled: Audio = stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
    return np.ascontiguousarray(resampled.T)


def convert_channels(audio: Audio, channels: int) -> Audio:
    """Return `audio` with `channels` channels: one is repeated, several are averaged first."""
    if audio.shape[0] == channels:
        return audio
    return np.repeat(audio.mean(axis=0, keepdims=True, dtype=np.float32), channels, axis=0)
