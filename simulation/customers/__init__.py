"""Who the customers of the simulated shop are: latent groups, the population, CRM profiles.

No event enters. Begin reading at `groups`.
"""
