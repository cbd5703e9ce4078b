"""What a user deploys: load a packed file and predict, with no third-party package."""
