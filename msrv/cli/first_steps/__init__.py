"""Commands that set a store up: a new one, new releases, former buyers."""
