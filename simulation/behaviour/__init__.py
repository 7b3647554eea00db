"""What customers of the simulated shop do on a day: buy, return, visit, take part in an A/B test.

Draws from random generators that are handed in; no event bytes. Begin reading at `buying`.
"""
