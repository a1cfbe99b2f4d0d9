"""What is recorded: subjects, the catalogue of record types, records, events and disclosures."""
