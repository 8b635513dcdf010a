"""Printed text contains no secret."""

import pytest

from components.core.base.secret_masking import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://mlflow:pa:ss@db:5432/mlflow fails", "postgresql://***@db:5432/mlflow fails"),
        ("http://someone@host/a and http://u:p/w@host/b", "http://***@host/a and http://***@host/b"),
        ("s3://label/a@b/c", "s3://label/a@b/c"),
        ("key AKIA77 with deep-secret!", "key *** with ***!"),
        ("an x-ray", "an x-ray"),
    ],
)
def test_without_secrets_masks_logins_and_keys(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA77")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "deep-secret")
    monkeypatch.setenv("PREFECT_API_KEY", "x")  # too short to be a secret
    assert without_secrets(text) == shown
