"""What customers of the simulated shop do on a day: buy, return, visit, take part in an A/B test.

Random generators are handed in; no event bytes enter. Begin reading at `buying`.
"""
