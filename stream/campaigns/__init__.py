"""Campaign triggers: segment changes that call webhooks."""
