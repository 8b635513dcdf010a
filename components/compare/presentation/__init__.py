"""The comparison as tables, pictures and pages."""
