"""自助终端: a screen that many people use one after another (minan/3.4.2); it keeps nothing between two of them."""
