"""Experiments on models: assignment of subjects, canaries, guardrails."""
