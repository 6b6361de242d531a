"""What clusters are, and what is wrong with them: descriptions in words and numbers."""
