"""The last part of a worker's work: store the stems, and the provenance last, so that a recording is done or not."""

from components.core.data.stem_provenance import Provenance
from components.core.stores.store import PROVENANCE, Store
from components.separate.ledger.destination_documents import provenance_key, write_document
from components.separate.ledger.ledger_table import Row, describe_stems
from components.separate.ledger.quarantine import quarantine_key
from components.separate.workers.recording_fetch import FetchedRecording


def store_stems(destination: Store, fetched: FetchedRecording, provenance: Provenance) -> Row:
    """Store the files that a recording became, and return its row."""
    key = fetched.entry.key
    if fetched.replaces:  # while its stems are replaced, the recording is not done
        destination.delete(provenance_key(key))
    names = [stem.file for stem in provenance.stems.values()]
    names += [provenance.picture] if provenance.picture else []
    for name in names:
        destination.put(fetched.folder / name, f"{key}/{name}")
    for name in set(destination.names(key)) - {*names, PROVENANCE}:
        destination.delete(f"{key}/{name}")  # of another format, or a stem that is not wanted any more
    write_document(destination, provenance_key(key), provenance)
    destination.delete(quarantine_key(key))
    return describe_stems("done", fetched.entry, provenance)
