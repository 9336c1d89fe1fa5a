"""Documents about a model, generated from the model itself: STRESS-DES for a lab file, STARS for the product."""

from simulations.documents.stars import stars
from simulations.documents.stress import stress

__all__ = ["stars", "stress"]
