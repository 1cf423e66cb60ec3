"""A page where a person asks a model: `unnoise look MODEL [DATA]`, served on this machine to this machine alone."""
