"""Displays: what a chapter shows of the evidence. Each takes a scoped `ctdild.evidence.Evidence` and returns a `Figure`."""

from __future__ import annotations

from .answers import answers
from .figure import Figure
from .forest import forest
from .harms import harms
from .tables import arm_changes, corrections_table, evidence_table, sources_table, symptoms, trial_index
from .timeline import timeline
from .trial import trial_figures

__all__ = [
    "Figure",
    "answers",
    "arm_changes",
    "corrections_table",
    "evidence_table",
    "forest",
    "harms",
    "sources_table",
    "symptoms",
    "timeline",
    "trial_figures",
    "trial_index",
]
