"""How files hold tables and arrays."""
