"""The datasets of `acquire`, one module each; `registry` lists them."""
