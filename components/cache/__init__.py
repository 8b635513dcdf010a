"""cache: the stems of the training and validation tracks, ready to be cropped at random at full speed."""
