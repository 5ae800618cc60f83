"""Values and rules shared by all packages; imports none of them."""
