"""The experiment consumer: exposures, conversions and orders in, exact tallies of every experiment out."""
