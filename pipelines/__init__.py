"""The order: thin Prefect flows and the command line over components. No torch in here."""

from components.core.garbage import work_seldom

work_seldom()
