"""acquire: finds or downloads multitracks, checks every stem, splits the tracks by artist, writes the manifest."""
