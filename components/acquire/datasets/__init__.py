"""The datasets that `acquire` knows, one module each; `registry` lists them."""
