"""The repair loop: failing test, evidence, suspects, candidates, trial, selection, repair and explanation."""
