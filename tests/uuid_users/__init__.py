"""A project whose users have UUIDs for keys, as many have."""
