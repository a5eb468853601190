"""What examples take on a disk, by layout and format."""
