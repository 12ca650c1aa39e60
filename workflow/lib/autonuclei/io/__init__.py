"""Ground floor: reading images, writing files and tables. Knows no stage of the method."""
