from dataclasses import replace

import pytest

from ktrdr.errors import RequestError, StorageError
from tests.fakes.artifacts import trained_artifact


@pytest.mark.parametrize("changes", [{"strategy": ".."}, {"symbols": ("a/../..\x00",)}, {"timeframe": "/"}])
def test_an_artifact_with_a_bad_name_cannot_be_made(changes):
    with pytest.raises(RequestError):
        replace(trained_artifact(), **changes)


@pytest.mark.parametrize("key", ["model_id", "version", "created_at", "strategy", "symbols", "operation_id"])
def test_metadata_may_not_carry_what_the_store_fills_in(key):
    with pytest.raises(StorageError, match=key):
        trained_artifact(metadata={key: "mine"})
