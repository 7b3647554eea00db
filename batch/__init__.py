"""How clusters are re-baselined: extract, fit, name, put live."""
