"""The places where instances live, and what runs inside them."""
