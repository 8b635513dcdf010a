"""The documents that decide which version is live: version, verdict, approval, journal."""
