"""ray_cluster.yaml, held against Ray's own schema and against our labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray.autoscaler
from ruamel.yaml import YAML

from cluster.environments import DEVICE_LABEL, ENVIRONMENT_LABEL, ENVIRONMENTS, SLOT_RESOURCE


@pytest.fixture(scope="module")
def cluster_file() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "ray_cluster.yaml"
    return dict(YAML(typ="safe").load(path.read_text()))


def test_it_is_valid_by_rays_own_schema(cluster_file: dict[str, Any]) -> None:
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(cluster_file, schema)


def test_rays_schema_would_refuse_a_typo(cluster_file: dict[str, Any]) -> None:
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**cluster_file, "head_start_ray_command": []}, schema)


def test_every_node_gets_its_labels_and_slots_from_its_start_command(cluster_file: dict[str, Any]) -> None:
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        [start] = [command for command in cluster_file[key] if "ray start" in command]
        assert any(f"{ENVIRONMENT_LABEL}={environment.name}" in start for environment in ENVIRONMENTS)
        assert f"{DEVICE_LABEL}=cpu" in start
        assert SLOT_RESOURCE in start


def test_token_authentication_is_on_for_every_node(cluster_file: dict[str, Any]) -> None:
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        [start] = [command for command in cluster_file[key] if "ray start" in command]
        assert "RAY_AUTH_MODE=token" in start
        assert "RAY_AUTH_TOKEN_PATH=" in start
