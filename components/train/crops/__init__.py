"""Training crops: which tracks are drawn, how their stems are augmented, and how batches are loaded."""
