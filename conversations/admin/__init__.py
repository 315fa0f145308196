"""The admin panel's pages, by subject."""
