"""What an account may spend: its kind, margin, settlement, cash and reserve."""
