import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { type Container, started } from "../../harness/container.ts";
import { type Call, runtime, silent } from "../../harness/runtime.ts";

export const SLEEP = ["sleep", "60"];

export const startedSandbox = () => started({ args: ["/pause"], hostname: "pod" }, "pause");

export function memberOf(sandbox: Container, more: Readonly<Record<string, string>> = {}): JsonObject {
  const path = (file: string) => `/proc/${sandbox.pid()}/ns/${file}`;
  const joined = { network: path("net"), ipc: path("ipc"), uts: path("uts"), ...more };
  return { hostname: undefined, linux: { namespaces: namespaces(joined) } };
}

export const list = (flags: readonly string[], call: Call = {}) =>
  silent(runtime(["list", ...flags], call)).stdout;

/** The cells of a tree, by the container's id, with what leads to it. */
export function tree(flags: readonly string[] = [], call: Call = {}) {
  const [head = "", ...lines] = list(["--tree", ...flags], call)
    .trimEnd()
    .split("\n");
  const starts = [...head.matchAll(/\S+/g)].map(({ index }) => index);
  const cells = lines.map((line) =>
    starts.map((start, place) => line.slice(start, starts[place + 1]).trim()),
  );
  const titles = head.split(/\s+/);
  return cells.map((row) => Object.fromEntries(titles.map((title, place) => [title, row[place] ?? ""])));
}
