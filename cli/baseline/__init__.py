"""What `shoal rebaseline`, `shoal baselines` and `shoal batch` share: opening stores, printing baselines.

Settings and baselines enter; nothing is fitted here. Begin reading at `stores`.
"""
