"""For a Python driver: reach a running service's actors without HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # its stub leaves them out

from actors.names import NAMESPACE, OPERATIONS
from ktrdr.errors import InfrastructureError
from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord


def connect(home: str | Path | None = None) -> Any:
    """Connect this process to the service of `home` and return the handle of its OperationsActor.

    Examples
    --------
    ::

        ops = actors.connect()
        op = ray.get(ops.submit.remote({"strategy_name": "sp500_daily"}))
        operation = ray.get(ops.wait.remote(op))

    Parameters
    ----------
    home
        The service's folder; absent: `KTRDR_HOME`, or the nearest `.ktrdr` upwards.

    Raises
    ------
    InfrastructureError
        If no service runs there.
    """
    folder = Path(home) if home is not None else Settings.read().home
    record = ServiceRecord.read(folder)
    if record is None:
        raise InfrastructureError(f"No service runs for {folder}. Start one with `ktrdr up`.")
    if not ray.is_initialized():
        os.environ.update(record.ray_variables)
        _read_environment_again(record.ray_variables)
        ray.init(address=record.ray_address, namespace=NAMESPACE, log_to_driver=False)
    return ray.get_actor(OPERATIONS, namespace=NAMESPACE)


def _read_environment_again(variables: Mapping[str, str]) -> None:
    """Make Ray see its variables: it reads them when it is imported, which a driver has done before it comes here.

    Ray offers no public way; these are the calls it makes itself when it switches token authentication on late.
    """
    if variables.get(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR) == "0":
        ray_constants.ENABLE_RAY_CLUSTER = False
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
