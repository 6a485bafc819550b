/** How the kernel shows what was written to a file of cgroup v2. */
import { cpuMask } from "../../linux/process/scheduling.ts";

/** Files with a line for each device, or other key. */
export const isKeyed = (file: string): boolean => /^(io|rdma|misc)\./.test(file);

/** Whether a file's text is what it shows after that value was written to it. */
export function agrees(file: string, written: string, text: string): boolean {
  if (/^cpuset\.(cpus|mems)$/.test(file)) return isSameList(written, text);
  const value = written.trim().split(/\s+/);
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  if (isKeyed(file)) return agreesByKey(value, lines);
  const [line = []] = lines;
  return value.every((word, index) => isSameNumber(word, line[index] ?? "", granularity(file)));
}

/** `8:0 rbps=1048576`, or for `io.weight` the weight alone, which is shown as `default 100`. */
function agreesByKey(
  [key = "", ...values]: readonly string[],
  lines: readonly (readonly string[])[],
): boolean {
  if (values.length === 0) return lines[0]?.at(-1) === key;
  const line = lines.find(([first]) => first === key);
  if (line === undefined) return values.every((value) => value.endsWith("=max")); // a device without limits has no line
  return values.every((value) => line.includes(value));
}

function isSameList(written: string, text: string): boolean {
  return `${cpuMask(written)}` === `${cpuMask(text.trim() || "none")}`;
}

/** The kernel rounds down. */
function isSameNumber(written: string, found: string, granularity: number): boolean {
  if (written === found) return true;
  const difference = numberIn(written) - numberIn(found);
  return difference >= 0 && difference < granularity;
}

/** With the units that the kernel takes (memparse); not a number for `max`. */
function numberIn(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([kmgtpe]?)$/i.exec(text) ?? [];
  return Number(digits) * 1024 ** (unit === "" ? 0 : "kmgtpe".indexOf(unit.toLowerCase()) + 1);
}

/** Memory is limited in pages, the largest of which have 64 KiB; huge pages have the size that the file is named after. */
function granularity(file: string): number {
  const [, count, unit = ""] = /^hugetlb\.(\d+)([KMG])B\./.exec(file) ?? [];
  if (count !== undefined) return Number(count) * 1024 ** ("KMG".indexOf(unit) + 1);
  return file.startsWith("memory.") ? 65_536 : 1;
}
