"""What `shoal rebaseline`, `shoal baselines` and `shoal batch` share: opening stores, printing baselines.

Begin reading at `stores`.
"""
