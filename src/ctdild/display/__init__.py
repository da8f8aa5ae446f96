"""Displays: what a chapter shows of the evidence. Each takes a scoped `ctdild.evidence.Evidence` and returns a `Figure`."""

from __future__ import annotations

from .answers import answers
from .audit import audit_table, claims_table
from .background import antibodies_table, instruments_table, mcid_table, patterns_table, prevalence_table
from .cohorts import cohort_table
from .figure import Figure
from .forest import forest
from .harms import harms
from .hazards import hazards
from .maps import enrolment, evidence_map
from .matrix import pro_matrix
from .placebo import placebo_decline
from .pooled import pool_variations, pooled
from .positions import approvals_table, horizon_table, recommendations_table
from .published import published_syntheses
from .questions import apart_table, certainty_table, indirect, pools_table
from .status import reported_since, status_table
from .tables import arm_changes, background_treatment, corrections_table, evidence_table, sources_table, symptoms, trial_index
from .timeline import timeline
from .transplant import transplant_table
from .trial import trial_figures

__all__ = [
    "Figure",
    "answers",
    "antibodies_table",
    "apart_table",
    "approvals_table",
    "arm_changes",
    "audit_table",
    "background_treatment",
    "certainty_table",
    "claims_table",
    "cohort_table",
    "corrections_table",
    "enrolment",
    "evidence_map",
    "evidence_table",
    "forest",
    "harms",
    "hazards",
    "horizon_table",
    "indirect",
    "instruments_table",
    "mcid_table",
    "patterns_table",
    "placebo_decline",
    "pool_variations",
    "pooled",
    "pools_table",
    "prevalence_table",
    "pro_matrix",
    "published_syntheses",
    "recommendations_table",
    "reported_since",
    "sources_table",
    "status_table",
    "symptoms",
    "timeline",
    "transplant_table",
    "trial_figures",
    "trial_index",
]
