"""The map of the world: country codes, outlines of countries, and a choropleth of customers by country.

Counts by country enter. Begin reading at `map_drawing`.
"""
