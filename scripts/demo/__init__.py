"""Generator of the demo library: its music, pictures and booklet."""
