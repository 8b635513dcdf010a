"""From a network to stems of recordings of any length."""
