"""OpenSLO v1 documents, and the terms of an agreement beside them, read into objectives.

`tree` gives every value its place in the text, `reader` reads values and notes what is wrong with them, `catalogue`
finds the objects of a text and what they refer to, `indicators`, `conditions` and `terms` read those that SLOs refer
to, and `objectives` puts it all together.
"""
