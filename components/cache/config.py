"""The section `cache` of params.yaml."""

from pydantic import Field

from components.core.base.params import Section


class CacheConfig(Section):
    """The stored targets, at `rate` Hz with `channels` channels, in shards of about `shard_minutes`."""

    targets: tuple[str, ...] = Field(min_length=2)
    rate: int = Field(gt=0)
    channels: int = Field(gt=0)
    shard_minutes: float = Field(gt=0)
