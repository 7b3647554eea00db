"""A shop's export as events: which column is what, how its amounts and dates are read, what counts as a sale.

Tables of cells enter, from `cli.tables`. Begin reading at `open_export`.
"""
