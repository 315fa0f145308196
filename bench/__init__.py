"""What the product costs, measured. `make bench` prints it; nothing here is asserted in a test."""
