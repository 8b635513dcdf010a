"""The sizes of a short-time Fourier transform, without torch."""

from pydantic import Field

from components.core.base.params import Section


class StftConfig(Section):
    """`window` samples per frame (n_fft), `hop` samples from one frame to the next."""

    window: int = Field(4096, gt=1)
    hop: int = Field(1024, gt=0)

    def require_bins(self, bins: int) -> None:
        """Raise ValueError when a frame has fewer than `bins` bins."""
        if bins > self.window // 2 + 1:
            raise ValueError(f"bins: an STFT of window {self.window} has only {self.window // 2 + 1}")
