"""Everything that a test of the whole loop stands on: broker, pool, heatbridge, Home Assistant, browser."""
