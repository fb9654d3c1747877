"""What a person may ask for, as functions over Temporal that know no terminal."""
