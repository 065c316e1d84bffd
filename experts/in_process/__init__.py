"""Models in this process, with transformers: nothing here is imported before one is named."""
