"""What the entries of the desk mean: people, cartridges, visits, courses; pure functions over entries in order."""
