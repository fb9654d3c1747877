"""What an order is, when and how it is placed, and what its fate may be."""
