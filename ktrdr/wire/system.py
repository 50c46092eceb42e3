"""What the service answers of itself: health, environments, nodes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from ktrdr.wire.operations import Page


class Health(BaseModel):
    """Answer of `GET /health`."""

    status: Literal["ok", "degraded"]
    version: str
    actors: dict[str, bool]
    nodes: dict[str, int]


class EnvironmentEntry(BaseModel):
    """One environment: as it is configured, what there is of it, and what it has to do."""

    name: str
    mode: str = Field(description="What a request asks for to run here")
    description: str
    transport: str
    slots_per_node: int | None = Field(description="Null: one per core")
    lease_s: float
    cancel_grace_s: float | None = Field(description="Null: the service's")
    max_duration_s: float | None
    max_queue_s: float | None
    cost_per_hour: float | None
    n_nodes: int = Field(description="Live nodes that can take trainings")
    slots: int = Field(description="Trainings that they can run at once")
    busy: int = Field(description="Operations that run or are being cancelled here")
    free: int = Field(description="Slots less those")
    pending: int = Field(description="Operations that wait to run here")


class EnvironmentList(Page[EnvironmentEntry]):
    """Answer of `GET /system/environments`."""

    modes: list[str] = Field(description="The values of `execution_mode` that can be asked for")


class NodeEntry(BaseModel):
    """One machine of the cluster."""

    node_id: str
    address: str
    environment: str | None = Field(description="Null: it trains nothing")
    device: str
    slots: int = Field(description="Trainings that it can run at once")
    gpus: float = Field(description="As Ray counts them")
    alive: bool
