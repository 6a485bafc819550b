import { writeAll } from "../kernel/files.ts";

/** Prints text to standard output; process.stdout would cost 12 ms of start-up. */
export function print(text: string): void {
  writeAll(1, text);
}

/** Prints a line for people to standard error. */
export function complain(text: string): void {
  writeAll(2, `${text}\n`);
}

/** Left-aligned columns with two spaces between them, as Go's tabwriter makes them for runc. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(Math.max(12, (widths[i] ?? 0) + 3))))
      .join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
