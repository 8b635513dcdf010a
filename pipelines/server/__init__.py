"""Settings of a Prefect server: deployments, automations, events and time limits."""
