"""Reports: projections of one `Results`. They decide nothing, and see nothing but the model."""
