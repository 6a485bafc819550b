/** Logs in the kubelet's format, which containerd's CRI and conmon both write: `TIME STREAM F TEXT` is a line. */
import { readFileSync } from "node:fs";

/** What was printed; the text of a line that ends with the tag P goes on in the next one. */
export function textOf(log: string): string {
  const lines = [...readFileSync(log, "utf8").matchAll(/^\S+ std(?:out|err) ([FP]) (.*)$/gm)];
  return lines.map(([, tag, text = ""]) => (tag === "F" ? `${text}\n` : text)).join("");
}

/** Whether no line of it is still being written. */
export function logIsWhole(log: string): boolean {
  const text = readFileSync(log, "utf8");
  return text === "" || text.endsWith("\n");
}
