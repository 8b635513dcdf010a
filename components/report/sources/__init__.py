"""The stores and files that the report reads."""
