"""Sedna's resources: the yaml that kubectl takes, validated with line numbers, as typed values."""

from sedna_bridge.jobs.errors import Finding, ResourceError
from sedna_bridge.jobs.resources import (
    Dataset,
    Job,
    JointInferenceService,
    Model,
    Resource,
    Trigger,
    kind_named,
    load,
    typed,
)

__all__ = [
    "Dataset",
    "Finding",
    "Job",
    "JointInferenceService",
    "Model",
    "Resource",
    "ResourceError",
    "Trigger",
    "kind_named",
    "load",
    "typed",
]
