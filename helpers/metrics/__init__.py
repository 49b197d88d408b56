"""How good, in one number: people by OKS, outlines of masks, boxes; and what stands in for a missing answer."""
