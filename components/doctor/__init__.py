"""doctor: checks whether this set-up can run Stemline; every finding says what to do."""
