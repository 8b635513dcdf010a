"""The systems that can be compared: names, costs and origins."""
