"""Payment providers, and the settlement of what they report."""
