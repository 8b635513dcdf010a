"""The step `gate`: judges whether a registered version may become the champion."""
