"""How a slope is measured, and when a measured slope and a claimed one agree."""
