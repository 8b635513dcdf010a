"""The section `register` of params.yaml; it is defined in core, because promote, doctor and report read it too."""

from components.core.release.registry_sections import RegisterConfig

__all__ = ["RegisterConfig"]
