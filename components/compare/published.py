"""What others have published, quoted: never mixed with what was measured here.

All on the 50 test songs of MUSDB18, museval v4, median over frames, then over songs, in dB.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A system's vocals SDR, SIR, SAR and ISR, and accompaniment SDR; None where it was not published."""

    system: str
    trained_on: str
    vocals: tuple[float | None, float | None, float | None, float | None]
    accompaniment: float | None
    source: str


PAPER = "the paper's Table"

QUOTED = (
    Published("U-Net, mask", "the paper's data", (6.55, 15.19, 6.44, 12.01), None, PAPER),
    Published("U-Net, MWF", "the paper's data", (6.86, 15.86, 6.99, 11.95), None, PAPER),
    Published("Open-Unmix", "MUSDB18", (6.32, 13.33, 6.52, 11.93), None, PAPER),
    Published("Demucs", "MUSDB18", (7.05, 13.94, 7.00, 12.04), None, PAPER),
    Published("IRM1 oracle", "–", (8.52, None, None, None), 14.50, "Stöter et al., LVA/ICA 2018"),
    Published("IRM2 oracle", "–", (9.43, None, None, None), 15.64, "Stöter et al., LVA/ICA 2018"),
    Published("MWF oracle", "–", (9.13, None, None, None), 15.40, "Stöter et al., LVA/ICA 2018"),
    Published("Wave-U-Net", "MUSDB18 + CCMixter", (4.97, 13.99, 4.41, 7.74), 11.11, "SiSEC 2018, STL1"),
    Published("Spleeter's U-Net", "MUSDB18", (4.69, 12.24, 4.94, 9.64), None, "Hennequin et al., JOSS 2020"),
    Published("Spleeter, mask", "private", (6.55, 15.19, 6.44, 12.01), None, "Hennequin et al., JOSS 2020"),
    Published("Spleeter, MWF", "private", (6.86, 15.86, 6.99, 11.95), None, "Hennequin et al., JOSS 2020"),
    Published("Open-Unmix, umxl", "private", (7.21, None, None, None), None, "Stöter et al., 2021"),
    Published("Conv-TasNet", "MUSDB18", (6.81, None, None, None), None, "Défossez et al., 2019"),
    Published("Demucs (v2)", "MUSDB18", (7.06, None, None, None), None, "Défossez et al., 2019"),
    Published("D3Net", "MUSDB18", (7.24, None, None, None), None, "Takahashi and Mitsufuji, 2021"),
    Published("TFC-TDF U-Net, large", "MUSDB18", (7.98, None, None, None), 13.56, "Choi et al., ISMIR 2020"),
    Published("Hybrid Demucs", "MUSDB18-HQ", (8.13, None, None, None), None, "Défossez, 2021"),
    Published("ResUNet143", "MUSDB18", (8.9, None, None, None), 16.8, "Kong et al., ISMIR 2021"),
)
