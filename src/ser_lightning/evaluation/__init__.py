"""From a predictions table to scores, pictures and the report; knows no model."""
