"""`/health`, `/system`: how the service is, and where it can train."""

from __future__ import annotations

from fastapi import APIRouter

import ktrdr
from actors.places import node_page
from ktrdr.wire import EnvironmentList, Health, NodeEntry, Page
from serve.routes.gateway import GatewayDep

router = APIRouter(tags=["system"])


@router.get("/health")
async def health(gateway: GatewayDep) -> Health:
    """Say which actors answer and how many nodes of each environment are there."""
    actors = await gateway.alive()
    return Health(
        status="ok" if all(actors.values()) else "degraded",
        version=ktrdr.__version__,
        actors=actors,
        nodes=await gateway.nodes(),
    )


@router.get("/system/environments")
async def environments(gateway: GatewayDep) -> EnvironmentList:
    """Return every environment as it is configured, with its nodes, slots and operations, and the modes there are."""
    listed: EnvironmentList = await gateway.operations("environments")
    return listed


@router.get("/system/nodes")
async def nodes(gateway: GatewayDep) -> Page[NodeEntry]:
    """Return every node that the cluster remembers, the live ones first."""
    return node_page(await gateway.all_nodes())
