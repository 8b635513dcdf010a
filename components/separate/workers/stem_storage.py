"""The last third of a worker's way: stems first, provenance last, so that a recording is done or not begun."""

from typing import Any

from components.core.base.files import digest_file
from components.core.stores.store import PROVENANCE, Store
from components.core.tracking import provenance
from components.separate.ledger.destination_documents import provenance_key, write_provenance
from components.separate.ledger.ledger_table import Row, row_of_provenance
from components.separate.ledger.quarantine import quarantine_key
from components.separate.recording.stem_settings import Recipe
from components.separate.recording.stems import Product
from components.separate.workers.recording_fetch import Fetched


def store_product(destination: Store, source: str, recipe: Recipe, fetched: Fetched, product: Product) -> Row:
    """Store what became of a recording, and return its row; `source` is the address of the recording's store."""
    key = fetched.entry.key
    document = provenance_of(source, recipe, fetched, product)
    if fetched.before:  # while stems are replaced, the recording is not done
        destination.delete(provenance_key(key))
    files = [*product.stems.values(), *([product.picture] if product.picture else [])]
    for path in files:
        destination.put(path, f"{key}/{path.name}")
    for name in set(destination.names(key)) - {path.name for path in files} - {PROVENANCE}:
        destination.delete(f"{key}/{name}")  # of another format, or of a stem that is not wanted any more
    write_provenance(destination, key, document)
    destination.delete(quarantine_key(key))
    return row_of_provenance("done", fetched.entry, document)


def machine() -> dict[str, str]:
    """Return what kind of machine separates here: on the same kind, the same bytes come out."""
    return {**provenance.machine(), "hardware": provenance.hardware()}


def provenance_of(source: str, recipe: Recipe, fetched: Fetched, product: Product) -> dict[str, Any]:
    """Return what a stem's file does not say: what it was made of, how, and what was seen on the way."""
    inspection, entry = product.inspection, fetched.entry
    return {
        "source": {
            "store": source,
            "key": entry.key,
            "bytes": entry.size,
            "stamp": entry.stamp,
            "sha256": fetched.sha256,
            "samples": inspection.samples,
            "samples_sha256": inspection.digest,
            "rate": inspection.info.rate,
            "channels": inspection.info.channels,
            "subtype": inspection.info.subtype,
        },
        "model": recipe.model,
        "options": recipe.options,
        "stems": {
            target: {"file": path.name, "sha256": digest_file(path), "clipped": product.clipped[target]}
            for target, path in product.stems.items()
        },
        "format": {"subtype": product.output.encoding.subtype, "instead_because": product.output.reason},
        **({"picture": product.picture.name} if product.picture else {}),
        "figures": product.figures,
        "features": product.features,
        "code": provenance.git_commit(),
        "packages": provenance.package_versions(),
        "machine": machine(),
    }
