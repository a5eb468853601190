"""The stages as scripts: own flags first, the rest go to Beam."""
