"""How fast and how small a packed file is, beside the peers that are installed and beside two floors."""
