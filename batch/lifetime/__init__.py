"""What customers are still worth: how many orders to expect, of what amount, and whether they are still customers."""
