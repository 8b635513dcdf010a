"""The sizes of all systems, as a table: counting them needs torch and the packages of every network.

A test counts the weights of every system and compares them with this table.
"""

from collections.abc import Mapping

WEIGHTS: Mapping[str, tuple[int, int]] = {
    "bs-roformer": (142_743_892, 3_704_844),
    "conv-tasnet": (16_010_321, 93_977),
    "d3net": (5_933_310, 48_376),
    "demucs": (265_677_444, 1_453_948),
    "hdemucs": (83_634_748, 567_796),
    "htdemucs": (41_979_836, 337_108),
    "mdx23c": (111_990_272, 228_704),
    "mel-band-roformer": (429_668_092, 3_518_968),
    "open-unmix": (17_786_696, 1_103_176),
    "scnet": (10_572_856, 183_728),
    "spleeter": (19_645_450, 1_225_770),
    "tdf-unet": (1_027_136, 103_712),
    "unet": (2_510_772, 158_236),
    "wave-unet": (10_263_390, 373_390),
    "spleeter-4": (39_290_900, 2_451_540),
    "spleeter-5": (49_113_625, 3_064_425),
}
"""Number of weights by system, with two channels: in its authors' size, and in its small one."""
