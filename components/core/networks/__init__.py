"""The architectures. One file each, with an `ARCHITECTURE` in it; `registry` finds them by name.

Every architecture is a `Separator`: samples in, stems out, `(batch, channels, samples)` to
`(batch, stems, channels, samples)`, for any number of samples.
"""
