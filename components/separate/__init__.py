"""separate: recordings in, stems out, each with a file that says where it comes from."""
