"""Corpora from their official places: fetched with resume, verified, and placed whole or not at all."""
