"""The architectures: one file each, named like the architecture, which ends with its `ARCHITECTURE`.

Every architecture is a `Separator`: samples in, stems out, `(batch, channels, samples)` to
`(batch, stems, channels, samples)`, for any number of samples.
"""
