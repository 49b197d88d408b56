"""Draw, ask, judge, hint: what every check shares, whatever its exercise."""
