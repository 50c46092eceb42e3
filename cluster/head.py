"""Starting the head of a cluster on this machine, as a training node itself or not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import ray

from cluster.environments import SLOT_RESOURCE, Environment, node_labels, slots_of
from cluster.session_folder import ray_folder

NAMESPACE = "ktrdr"
LOOPBACK = "127.0.0.1"
ON_THE_HEAD = {"node:__internal_head__": 0.001}
"""The resource by which Ray keeps what asks for it on the head: with nodes there, it may place anything on any."""


@dataclass(frozen=True)
class Head:
    """Where a started head answers."""

    ray_address: str
    dashboard_url: str


def start_head(home: Path, environment: Environment | None, device: str) -> Head:
    """Start Ray on this machine and connect to it; it ends with this process.

    Parameters
    ----------
    home
        The folder whose cluster this is: names Ray's session folder, so that homes do not meet.
    environment
        The environment this machine is a node of; None for a head that trains nothing.
    device
        What torch found here: cpu, mps or cuda.
    """
    n_cores = os.cpu_count() or 1
    n_slots = slots_of(environment, n_cores) if environment else 0
    context = ray.init(
        namespace=NAMESPACE,
        num_cpus=max(n_cores, n_slots),  # a training asks for one: where there are more slots they would wait for it
        labels=node_labels(environment.name, device) if environment else {},
        resources={SLOT_RESOURCE: n_slots} if environment else {},
        include_dashboard=True,
        dashboard_host=LOOPBACK,
        log_to_driver=False,
        _temp_dir=str(ray_folder(home)),
    )
    info = context.address_info
    return Head(ray_address=info["gcs_address"], dashboard_url=f"http://{info['webui_url']}")


def join_head(ray_address: str) -> Head:
    """Connect to the head that runs at `ray_address` (`auto`: the one on this machine); it outlives this process."""
    context = ray.init(address=ray_address, namespace=NAMESPACE, log_to_driver=False)
    info = context.address_info
    return Head(ray_address=info["gcs_address"], dashboard_url=f"http://{info['webui_url']}")
