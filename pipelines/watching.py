"""Has the training music in a bucket or folder changed? If so, an event says it, on which retraining is triggered."""

from pipelines import environment  # noqa: F401, I001  (before Prefect, which reads its settings when imported)

from typing import Any

from prefect import flow
from prefect.states import Completed, Failed

from components.core.errors import UserError
from components.core.files import digest_parts, write_text
from components.core.stores.opening import open_store
from components.core.workspace import WORKSPACE
from pipelines.events import tell

CHANGED = "stemline.data.changed"


@flow(name="watch-data", flow_run_name="watch {source}")
def watch_data(source: str) -> Any:
    """Look at the names, sizes and times of all recordings, and tell when they are not what they were.

    Args:
        source: A folder, or s3://bucket/folder.
    """
    try:
        entries = open_store(source).recordings()
    except UserError as error:
        return Failed(message=str(error))
    digest = digest_parts(f"{entry.key}\t{entry.size}\t{entry.stamp}" for entry in entries)
    seen = WORKSPACE / "watch" / f"{digest_parts([source])[:16]}.txt"
    before = seen.read_text(encoding="utf-8") if seen.is_file() else None
    if before == digest:
        return Completed(name="Unchanged", message=f"{len(entries)} recordings, as before")
    # the event first: told twice is better than never
    if before is not None:
        tell(CHANGED, f"stemline.data.{source}", {"source": source})
    write_text(seen, digest)
    word = "changed" if before is not None else "seen for the first time"
    return Completed(message=f"{len(entries)} recordings, {word}")
