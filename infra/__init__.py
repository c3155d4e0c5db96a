"""Weighthouse in AWS: the package that the functions run, and the one CloudFormation stack around them."""
