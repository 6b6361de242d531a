"""How things look, as text and as HTML, and while they are under way: one of each."""
