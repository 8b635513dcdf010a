"""cache: stores the stems of the training and validation tracks so that random crops are read at full speed."""
