"""How numbers, dates and names are written as text, and back."""
