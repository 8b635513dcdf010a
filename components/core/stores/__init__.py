"""Stores of recordings and stems: a folder, a single file, or a bucket. `opening.open_store` opens any of them."""
