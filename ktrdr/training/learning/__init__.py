"""The training loop (step 7) and what it is made of: losses, optimizers, batches, patience."""
