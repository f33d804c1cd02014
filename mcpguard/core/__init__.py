"""What every layer needs and what knows nothing of Azure: errors, facts, locations, text positions."""
