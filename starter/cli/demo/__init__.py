"""The demo: six accounts, four strategies and every real part, with stand-ins for what needs an account somewhere."""
