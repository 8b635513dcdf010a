"""Where recordings come from and stems go: a folder, a file, or a bucket. `opening.open_store` opens either."""
