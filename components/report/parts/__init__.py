"""The parts of the page, one module each: a function `read_<part>` and the typed content that it returns."""
