"""The architectures. One file each, one entry in `registry.ARCHITECTURES`; everything else finds them by name.

Every architecture is a `Separator`: samples in, stems out, `(batch, channels, samples)` to
`(batch, stems, channels, samples)`, for any number of samples.
"""
