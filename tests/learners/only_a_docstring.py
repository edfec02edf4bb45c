"""I will begin tomorrow."""
