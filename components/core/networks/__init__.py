"""The networks: one file per architecture, with its function `build_<name>`; `architectures/` has their parameters.

Every architecture is a `Separator`: samples in, stems out, `(batch, channels, samples)` to
`(batch, stems, channels, samples)`, for any number of samples.
"""
