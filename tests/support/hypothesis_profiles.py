"""How Hypothesis searches. The variable HYPOTHESIS_PROFILE names a profile; without it, `dev` counts."""

import os

from hypothesis import settings


def load_hypothesis_profile() -> None:
    """Register the profiles and load the one that HYPOTHESIS_PROFILE names.

    - dev: new examples each time, so that more is found over time.
    - ci: the same examples each time, so that only a change of the code can make a test fail.
    - deep: new examples, and many of them where a test does not set their number.
    """
    settings.register_profile("dev", deadline=None, print_blob=True)
    settings.register_profile("ci", deadline=None, derandomize=True, database=None)
    settings.register_profile("deep", deadline=None, print_blob=True, max_examples=2000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
