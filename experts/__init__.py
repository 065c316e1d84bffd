"""The clients that serve experts, and the ways in which a user names experts (`pool`)."""
