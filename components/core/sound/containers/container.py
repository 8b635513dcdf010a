"""The description of a container, the same for all kinds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Bytes of a file that are decoded on their own, such as a link of a chained Ogg.

    start, end  where they lie in the file; an end of None is the end of the file
    spans       ranges of the decoded samples that belong to the recording; empty: all
    clock       ticks a second of `spans`; 0: they count samples
    changes     places in the file, and bytes that a decoder must find there
    """

    start: int = 0
    end: int | None = None
    spans: tuple[tuple[int, int], ...] = ()
    clock: int = 0
    changes: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True)
class Container:
    """The statements of a container about its recording.

    least     samples of each channel that it promises at least; 0 when it promises none
    parts     decoded one after the other
    manual    whether the decoder must return all samples, since the spans of the parts say which ones count
    options   options of ffmpeg for reading it
    order     for each channel of the recording, its number in the decoded samples; empty: the same
    mask      speakers of the channels, as in a WAVE file (dwChannelMask); 0 when it does not say
    bits      bits of a sample of FLAC, which is decoded to integers; 0 for other codecs
    md5       MD5 of the samples of a FLAC; empty when it does not say
    """

    least: int = 0
    parts: tuple[Part, ...] = (Part(),)
    manual: bool = False
    options: tuple[str, ...] = ()
    order: tuple[int, ...] = ()
    mask: int = 0
    bits: int = 0
    md5: bytes = b""
