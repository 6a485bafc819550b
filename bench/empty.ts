// The least that a Bun binary can do. Built with tsrun's flags, it shows what of tsrun's time is Bun's own start.
process.exit(0);
