"""Decides whether and when a proposed baseline goes live, and puts it live.

Proposals and decisions enter; only here does a baseline go live. Begin reading at `batch_service`.
"""
