"""Other people's models, trained and asked as ours are."""
