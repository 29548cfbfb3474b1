"""How the demo library is made: its music, its pictures, its booklet."""
