"""Scores that others published. They are never mixed with scores that were measured here.

All are on the 50 whole test songs of MUSDB18, museval v4, median over frames, then over songs, in dB.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A system's vocals SDR, SIR, SAR and ISR, and accompaniment SDR; None for unpublished scores."""

    system: str
    trained_on: str
    vocals: tuple[float | None, float | None, float | None, float | None]
    accompaniment: float | None
    source: str


PAPER_MODEL = "The paper's own U-Net, as its text has it: vocals SDR 6.2–6.8, SIR 13–15, SAR 5.5–7.0, ISR 12–14."
"""The paper that this project implements gives ranges for its own model, and a table of others."""

_SISEC = "Stöter et al., LVA/ICA 2018"
_SPLEETER = "Hennequin et al., JOSS 2020"
_BOTH = f"{_SPLEETER}; the paper's table"
_MUSDB_ALONE = "deezer/spleeter, issue 81, before its erratum (issue 670: 4.43 over four stems, in place of 4.02)"
_OVER_FOUR = (None, None, None, None)  # their abstracts give only the mean over four stems

QUOTED = (
    Published("IRM1 oracle", "–", (8.52, None, None, None), 14.50, _SISEC),
    Published("IRM2 oracle", "–", (9.43, None, None, None), 15.64, _SISEC),
    Published("MWF oracle", "–", (9.13, None, None, None), 15.40, _SISEC),
    Published("Spleeter, mask", "private", (6.55, 15.19, 6.44, 12.01), None, _BOTH),
    Published("Spleeter, MWF", "private", (6.86, 15.86, 6.99, 11.95), None, _BOTH),
    Published("Spleeter's U-Net", "MUSDB18", (4.69, 12.24, 4.94, 9.64), None, _MUSDB_ALONE),
    Published("Open-Unmix", "MUSDB18", (6.32, 13.33, 6.52, 11.93), None, _BOTH),
    Published("Open-Unmix, umxl", "private", (7.21, None, None, None), None, "Stöter et al., 2021"),
    Published("Wave-U-Net", "MUSDB18 + CCMixter", (4.97, 13.99, 4.41, 7.74), 11.11, "SiSEC 2018, STL1"),
    Published("Conv-TasNet", "MUSDB18", (6.81, None, None, None), None, "Défossez et al., 2019"),
    Published("Demucs (v1)", "MUSDB18 + 150 songs, by its mean", (7.05, 13.94, 7.00, 12.04), None, "the paper's table"),
    Published("Demucs (v2)", "MUSDB18", (6.84, None, None, None), None, "Défossez et al., 2019, version of 2021"),
    Published("D3Net", "MUSDB18", (7.24, None, None, None), None, "Takahashi and Mitsufuji, 2021"),
    Published("TFC-TDF U-Net, small", "MUSDB18", (6.95, None, None, None), None, "Choi et al., ISMIR 2020"),
    Published("TFC-TDF U-Net, large", "MUSDB18", (7.98, None, None, None), 13.56, "Choi et al., ISMIR 2020"),
    Published("Hybrid Demucs", "MUSDB18-HQ", (8.13, None, None, None), None, "Défossez, 2021"),
    Published("HT Demucs", "MUSDB18-HQ + 800 songs", _OVER_FOUR, None, "9.00 over four stems: Rouard et al., 2022"),
    Published("BS-RoFormer", "MUSDB18-HQ", _OVER_FOUR, None, "9.80 over four stems: Lu et al., 2023"),
    Published("ResUNet143", "MUSDB18", (8.9, None, None, None), 16.8, "Kong et al., ISMIR 2021"),
)
