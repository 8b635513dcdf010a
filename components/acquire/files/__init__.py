"""Files of the acquired data: download, unpack, name, copy."""
