"""Who was erased, who is to be, and writes that an erased customer is kept out of.

Begin reading at `erased_customers`.
"""
