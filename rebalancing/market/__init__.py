"""What is known of the market: an account's snapshot with its quotes, trading hours, the gateway's restart."""
