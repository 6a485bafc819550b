/** Figures that tests find and people want to know, such as the least memory that a container starts in. */

/** What starts a line with a figure; JSON follows it. */
export const MEASURED_MARK = "#measured ";

interface Measurement {
  readonly what: string;
  readonly value: string;
}

/** Reports a figure, out of a test, to who runs it. */
export function measured(what: string, value: string): void {
  process.stdout.write(`\n${MEASURED_MARK}${JSON.stringify({ what, value })}\n`);
}

/** The figures in what a test file printed. */
export function measurementsIn(output: string): Measurement[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith(MEASURED_MARK))
    .map((line) => JSON.parse(line.slice(MEASURED_MARK.length)) as Measurement); // written by measured above
}
