"""The data that steps share: the manifest, the targets, the cache and the names of scores."""
