"""Who is calling, by what the request says of it; never what they may see."""
