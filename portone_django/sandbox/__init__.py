"""The simulated PortOne V1: one account over one sqlite3 file, outside the database of the app it judges."""
