"""The one driver, and the criteria, schedules, groups and budgets it combines."""
