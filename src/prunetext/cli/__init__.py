"""The command line: each command calls the API function of its name and prints what that returns."""
