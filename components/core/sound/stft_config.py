"""The sizes of a short-time Fourier transform, without torch."""

from typing import Self

from pydantic import Field, model_validator

from components.core.base.params import Section


def require_overlap(window: int, hop: int) -> None:
    """Raise ValueError when frames overlap by less than half, where the inverse with a Hann window fails."""
    if hop > window // 2:
        raise ValueError(f"hop: at most half of the window, {window // 2}")


class StftConfig(Section):
    """`window` samples per frame (n_fft), `hop` samples from one frame to the next, at most half of the window."""

    window: int = Field(4096, gt=1)
    hop: int = Field(1024, gt=0)

    @model_validator(mode="after")
    def _frames_overlap(self) -> Self:
        require_overlap(self.window, self.hop)
        return self

    def require_bins(self, bins: int) -> None:
        """Raise ValueError when a frame has fewer than `bins` bins."""
        if bins > self.window // 2 + 1:
            raise ValueError(f"bins: an STFT of window {self.window} has only {self.window // 2 + 1}")
