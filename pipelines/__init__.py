"""The order: thin Prefect flows and the command line over components. No torch in here."""
