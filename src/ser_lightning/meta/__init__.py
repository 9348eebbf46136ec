"""Stacking: a scikit-learn learner on the probabilities of several runs, from their predictions tables alone."""
