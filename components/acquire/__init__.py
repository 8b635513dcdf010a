"""The acquire step: finds or downloads multitracks, checks every stem, splits by artist, writes the manifest.

In: params.yaml, section `acquire`. Out: the audio as it arrived (`tracks/`), `manifest.csv`, `problems.csv` and
`summary.json`.
"""
