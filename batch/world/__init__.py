"""The map of the world: which country a profile means, the outlines, and a drawing of customers by country."""
