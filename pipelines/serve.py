"""The flows as deployments of this machine, to be started from Prefect's UI: `stemline serve`."""

from pipelines import environment  # noqa: F401, I001  (before Prefect)

import os

from prefect import serve

from components.core.errors import UserError
from pipelines.catalogue import separate_catalogue
from pipelines.vocal_isolation import vocal_isolation


def serve_flows() -> None:
    """Register the flows with the server at PREFECT_API_URL, and run what is started there, until stopped."""
    if "PREFECT_API_URL" not in os.environ:
        raise UserError(
            "serve needs a Prefect server: start one with `prefect server start`, then set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    deployment = vocal_isolation.to_deployment(
        "here", description="The whole pipeline, in this folder.", concurrency_limit=1
    )
    catalogue = separate_catalogue.to_deployment("here", description="A catalogue over the workers of a work pool.")
    serve(deployment, catalogue)  # type: ignore[arg-type]
