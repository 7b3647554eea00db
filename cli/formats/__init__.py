"""Files that become events: public purchase logs, and files that hold events already."""
