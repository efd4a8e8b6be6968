"""System checks: what would lose money is said before the first payment."""
