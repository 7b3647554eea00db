"""From the rows of an export to events, or to a refusal with its reason."""
