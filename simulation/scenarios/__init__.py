"""What a simulated shop is configured to be: scenario files, the named scenarios, scripted changes.

Only parameters enter. Begin reading at `scenario`.
"""
