"""What findings become when they are published."""
