"""What tests of several folders share and import by name; what pytest hands out stands in conftest.py."""
