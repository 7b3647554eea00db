"""What the segments are worth: measured on simulated shops and real logs, by the service's own parts."""
