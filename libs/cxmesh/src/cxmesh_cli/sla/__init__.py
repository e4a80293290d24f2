"""What a partner promised, how it was kept and what it cost, on one page."""
