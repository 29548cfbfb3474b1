"""New configuration files and folders, written for a seller to edit."""
