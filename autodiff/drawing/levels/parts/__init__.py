"""Parts that several levels share: builders, legends, texts, options, notes on problems."""
