"""The script that pages load to collect events and to ask for predictions."""
