from __future__ import annotations

import pytest
import ray.exceptions as ray_errors

from actors.own_errors import own_errors
from ktrdr.errors import UnknownStrategy


def test_an_error_of_ours_comes_out_as_itself():
    with pytest.raises(UnknownStrategy) as caught, own_errors():
        raise ray_errors.RayTaskError("save", "the trace", UnknownStrategy("trend"))
    assert not isinstance(caught.value, ray_errors.RayTaskError)


@pytest.mark.parametrize(
    "error", [ray_errors.RayTaskError("save", "the trace", ValueError("no")), ray_errors.GetTimeoutError("late")]
)
def test_any_other_stays_rays(error):
    with pytest.raises(ray_errors.RayError) as caught, own_errors():
        raise error
    assert caught.value is error
