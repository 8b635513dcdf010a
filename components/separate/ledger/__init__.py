"""Claims, ledger and quarantine at the destination."""
