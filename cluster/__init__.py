"""Where a training can run: environments, node labels, the view of the cluster, the choice of a place."""

from cluster.environments import ENVIRONMENTS, Environment, Environments
from cluster.selector import ExecutionModeSelector, ModeRequest, Placement
from cluster.view import ClusterView, NodeView

__all__ = [
    "ENVIRONMENTS",
    "ClusterView",
    "Environment",
    "Environments",
    "ExecutionModeSelector",
    "ModeRequest",
    "NodeView",
    "Placement",
]
