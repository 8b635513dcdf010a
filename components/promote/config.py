"""The section `promote` of params.yaml; it is defined in core, because doctor and report read it too."""

from components.core.release.registry_sections import PromoteConfig

__all__ = ["PromoteConfig"]
